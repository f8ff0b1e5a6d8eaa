#!/bin/sh
# ipa-client-install 4.9.11 of Debian 12, as it was recorded without a server, and its source read for what needs one:
# - nothing to enrol by: exit 1, "One of password / principal / keytab is required."
# - configured already (/etc/ipa/default.conf): exit 3
# - an unknown option: exit 2
# - --unattended --principal without --password: the password is a line of stdin, which is no terminal (client.py)
# - --password without --principal: one-time, which the join spends (ipa-join.c: ipa-getkeytab makes new keys)
# - a host that is enrolled is only joined again with --force-join: exit 1 (ipa-join's 13)
# The realm is the folder $REALM: otp.<host>, password.<principal>, enrolled.<host> (its key version).
say() { echo "$*" >&2; }
printf '%s\n' "$*" >>"$REALM/called"
grep -alsF "${LOOK_FOR:-.no such word.}" /proc/[0-9]*/cmdline >>"$REALM/seen" 2>/dev/null
unattended='' principal='' password='' host='' domain='' force=''
while [ $# -gt 0 ]; do
  case $1 in
    --unattended) unattended=1 ;;
    --force-join) force=1 ;;
    --no-ntp | --mkhomedir) ;;
    --principal) principal=$2 && shift ;;
    --password) password=$2 && shift ;;
    --hostname) host=$2 && shift ;;
    --domain) domain=$2 && shift ;;
    --server | --realm) shift ;;
    *) say "ipa-client-install: error: no such option: $1" && exit 2 ;;
  esac
  shift
done
[ -n "$unattended" ] || { say "it asks" && exit 1; }
if [ -e "$ETC/ipa/default.conf" ]; then
  say "IPA client is already configured on this system."
  exit 3
fi
[ -n "$principal$password" ] || { say "One of password / principal / keytab is required." && exit 1; }
[ "$domain" = ipa.test ] || { say "Unable to discover domain, not provided on command line" && exit 1; }
if [ -n "$principal" ]; then
  [ -n "$password" ] || read -r password
  [ "$password" = "$(cat "$REALM/password.$principal" 2>/dev/null)" ] || {
    say "Kerberos authentication failed: kinit: Password incorrect while getting initial credentials"
    exit 1
  }
  if [ -e "$REALM/enrolled.$host" ] && [ -z "$force" ]; then
    say "Joining realm failed: Host is already joined."
    exit 1
  fi
else
  [ -e "$REALM/otp.$host" ] && [ "$password" = "$(cat "$REALM/otp.$host")" ] || {
    say "Joining realm failed: Incorrect password."
    exit 1
  }
  rm "$REALM/otp.$host"
fi
echo x >>"$REALM/enrolled.$host"
mkdir -p "$ETC/ipa"
wc -l <"$REALM/enrolled.$host" >"$ETC/krb5.keytab"
echo '[global]' >"$ETC/ipa/default.conf"
echo "Enrolled in IPA realm IPA.TEST"
