#!/bin/sh
# root.sh ROOT SUITE PACKAGE…: a Debian system with these packages in the directory ROOT, made once,
# and again when other packages are asked for; its file /packages lists them. What is interrupted
# leaves ROOT as it was, and no process or mount: debootstrap has namespaces of its own.
set -eu
[ $# -ge 3 ] || { echo "usage: root.sh ROOT SUITE PACKAGE…" >&2; exit 2; }
root=$1 suite=$2
shift 2
packages=$(printf '%s\n' "$@" | LC_ALL=C sort -u | paste -s -d,)
mkdir -p "$(dirname "$root")"
is_made() { [ "$packages" = "$(cat "$root/packages" 2>/dev/null)" ]; }
is_made && exit
exec 9>"$root.lock"
flock 9  # containers that run on it share the lock
is_made && exit
echo "making a Debian $suite in $root"
mirror=$(sh "$(dirname "$0")/debian_mirror.sh")
rm -rf --one-file-system "$root.new"
unshare --mount --pid --fork --kill-child --mount-proc \
    debootstrap --variant=minbase --include="$packages" "$suite" "$root.new" "$mirror" \
    >"$root.log" 2>&1 9>&- || {
    tail -n 20 "$root.log" >&2
    echo "root.sh: debootstrap failed; all that it said is in $root.log" >&2
    exit 1
}
rm -rf "$root.new/var/cache/apt/archives"
echo "$packages" >"$root.new/packages"
rm -rf --one-file-system "$root" "$root.builds"
mv "$root.new" "$root"
