#!/bin/sh
# fetch.sh DIRECTORY SUITE: unpacks the user-mode Linux of a Debian suite, with the C library it was
# built for, into DIRECTORY/root, again when that is a month old. The package index that it looks
# into is its own, not the machine's.
set -eu
[ $# -eq 2 ] || { echo "usage: fetch.sh DIRECTORY SUITE" >&2; exit 2; }
directory=$1 suite=$2
[ -z "$(find "$directory/root" -maxdepth 0 -mtime -30 2>/dev/null)" ] || exit 0
echo "fetching the user-mode Linux of Debian $suite"
mirror=$(sh "$(dirname "$0")/../support/debian_mirror.sh")
mkdir -p "$directory"
cd "$directory"
rm -rf apt packages unpacked
mkdir -p apt/lists/partial apt/archives/partial apt/none packages
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
(cd packages && apt-get -qq download user-mode-linux libc6 libgcc-s1)
# Where the programs of newer suites expect it, and those of older ones find it.
mkdir -p unpacked/usr/lib unpacked/usr/lib64 unpacked/host unpacked/proc unpacked/dev
ln -s usr/lib unpacked/lib
ln -s usr/lib64 unpacked/lib64
for package in packages/*.deb; do
    dpkg-deb --fsys-tarfile "$package" |
        tar -x -C unpacked --keep-directory-symlink --exclude='./usr/share' --exclude='*/modules'
done
rm -rf apt packages root
mv unpacked root
touch root  # its age is that of the package until then
