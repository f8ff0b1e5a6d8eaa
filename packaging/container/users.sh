#!/bin/sh
# The users of a versitygw for the server's three credentials, the bucket, and the file that `coatcheck serve` reads
# (docs/stores.md, "versitygw, step by step"). Run again with other secrets it puts those in force.
set -eu

until versitygw admin list-users > /dev/null; do sleep 1; done

user() {
  versitygw admin create-user --role user --access "coatcheck-$1" --secret "$2" ||
    versitygw admin update-user --access "coatcheck-$1" --secret "$2"
}
user download "$DOWNLOAD_SECRET"
user upload "$UPLOAD_SECRET"
user admin "$ADMIN_SECRET"

versitygw admin create-bucket --bucket coatcheck --owner "$ADMIN_ACCESS_KEY" ||
  versitygw admin list-buckets | grep -qw coatcheck

umask 077
pair() { printf '"%s": { "accessKeyId": "coatcheck-%s", "secretAccessKey": "%s" }' "$1" "$1" "$2"; }
printf '{ %s, %s, %s }\n' "$(pair download "$DOWNLOAD_SECRET")" "$(pair upload "$UPLOAD_SECRET")" \
  "$(pair admin "$ADMIN_SECRET")" > "$CREDENTIALS.new"
# The user of the container that reads it.
[ "$(id -u)" != 0 ] || chown 1000:1000 "$CREDENTIALS.new"
mv "$CREDENTIALS.new" "$CREDENTIALS"
