#!/bin/sh
# fetch.sh CACHE SUITE: puts Debian's kernel of a suite into CACHE/kernels/SUITE, with the file system
# that it begins on (see init), again when they are a month old and Debian can be reached; and a QEMU
# into CACHE/roots/emulator. That is the same on every host: QEMU 7.2, of Debian 12, miscompiles Linux
# 6.12. The package index that is looked into is no machine's own.
set -eu
[ $# -eq 2 ] || { echo "usage: fetch.sh CACHE SUITE" >&2; exit 2; }
cache=$1 suite=$2
here=$(dirname "$(realpath "$0")")
emulator=$cache/roots/emulator kernel=$cache/kernels/$suite
sh "$here/../support/root.sh" "$emulator" trixie busybox-static cpio kmod qemu-system-x86 xz-utils
made_as=$(cat "$here/fetch.sh" "$here/init" | sha256sum)
# At most so many days old, and made as these files say.
is_there() {
    [ "$made_as" = "$(cat "$kernel/made_as" 2>/dev/null)" ] &&
        [ -n "$(find "$kernel/initrd" -mtime "-$1" 2>/dev/null)" ]
}
mkdir -p "$cache/kernels"
exec 9>"$kernel.lock"
flock 9
! is_there 30 || exit 0
trap 'status=$?; [ "$status" -eq 0 ] || ! is_there 9999 || {
    echo "fetch.sh: the kernel of Debian $suite cannot be fetched again: staying with the old one" >&2
    exit 0
}' EXIT
echo "fetching the kernel of Debian $suite"
mirror=$(sh "$here/../support/debian_mirror.sh")
rm -rf "$kernel.new"
mkdir -p "$kernel.new"
cd "$kernel.new"
mkdir -p apt/lists/partial apt/archives/partial apt/none packages unpacked/usr/lib initial/bin
: >apt/status
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$keyring] $mirror $suite main" >apt/sources
cat >apt/configuration <<EOT
Dir::State "$PWD/apt";
Dir::State::lists "$PWD/apt/lists";
Dir::State::status "$PWD/apt/status";
Dir::Cache "$PWD/apt";
Dir::Etc::sourcelist "$PWD/apt/sources";
Dir::Etc::sourceparts "$PWD/apt/none";
Dir::Etc::preferencesparts "$PWD/apt/none";
Acquire::Languages "none";
APT::Sandbox::User "root";
EOT
export APT_CONFIG="$PWD/apt/configuration"
apt-get -qq update
packages=$(apt-cache depends --recurse --important linux-image-amd64 |
    grep -E '^linux-(base|binary|image|modules)-[0-9]')
# shellcheck disable=SC2086
(cd packages && apt-get -qq download $packages)
ln -s usr/lib unpacked/lib
for package in packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x -C unpacked --keep-directory-symlink
done
find unpacked -name 'vmlinuz*' -type f -exec mv {} vmlinuz \;
cp "$here/init" initial/init
cp "$emulator/usr/bin/busybox" initial/bin
# With the programs of the emulator's root, at whose /mnt the kernel's directory is.
unshare --mount sh -eu -s "$emulator" <<'EOT'
mount --make-rprivate /
mount --bind . "$1/mnt"
chroot "$1" sh -eu -s <<'EOT_INSIDE'
PATH=/usr/sbin:/usr/bin
cd /mnt
version=$(ls unpacked/lib/modules)
depmod -b unpacked "$version"
mkdir initial/modules
modprobe --dirname unpacked --set-version "$version" --show-depends --all \
    virtio_pci 9pnet_virtio 9p overlay >needed
sed -n 's/^insmod //p' needed | while read -r module; do
    file=$(basename "${module%.xz}")
    [ ! -e "initial/modules/$file" ] || continue
    case $module in
    *.xz) xz -dc "$module" >"initial/modules/$file" ;;
    *) cp "$module" initial/modules ;;
    esac
    echo "$file" >>initial/modules/order
done
(cd initial && find . | cpio --quiet --create --format newc) >initrd
EOT_INSIDE
EOT
echo "$made_as" >made_as
rm -rf apt packages unpacked initial needed "$kernel"
mv "$kernel.new" "$kernel"
