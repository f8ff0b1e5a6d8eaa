#!/bin/sh
# What each of the users may do in the bucket, once it is there.
set -eu
sum=$(sha256sum "$POLICY" | cut -d' ' -f1)
curl --fail-with-body --silent --show-error --retry 30 --retry-all-errors --retry-delay 1 \
  --aws-sigv4 aws:amz:us-east-1:s3 --user "root:$ROOT_SECRET" -H "x-amz-content-sha256: $sum" \
  -X PUT --data-binary "@$POLICY" "$STORE/coatcheck?policy="
