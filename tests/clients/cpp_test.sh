#!/bin/sh
# cpp/minimal.cpp, compiled against an installed tree as others would:
# cpp_test.sh MESON BUILD COMPILER…
set -eu
meson=$1 build=$2 here=$(dirname "$0") dir=$(dirname "$REEVE_SOCKET")
shift 2
for program in pkg-config nm "$1"; do
  command -v "$program" >/dev/null || { echo "needs $program"; exit 77; }
done
fail() { echo "FAILED: $1"; cat "$dir/output"; exit 1; }
compile() {
  "$@" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror >"$dir/output" 2>&1
}

# What a developer's package and its library would have.
DESTDIR="$dir/installed" "$meson" install -C "$build" --no-rebuild --quiet --tags devel,runtime \
  >"$dir/output" 2>&1 || fail "meson install"
package=$(find "$dir/installed" -name reeve.pc)
[ -n "$package" ] || fail "no reeve.pc is installed"
export PKG_CONFIG_PATH="${package%/*}" PKG_CONFIG_SYSROOT_DIR="$dir/installed"
libraries=$(dirname "$PKG_CONFIG_PATH")
for header in "$here"/../../include/reeve/*.hpp; do
  name=${header##*/}
  echo "#include <reeve/$name>" >"$dir/header.cpp"
  # shellcheck disable=SC2046
  compile "$@" -fsyntax-only "$dir/header.cpp" $(pkg-config --cflags reeve) ||
    fail "$name is not installed, or does not compile by itself"
done
# shellcheck disable=SC2046
compile "$@" -o "$dir/minimal" "$here/cpp/minimal.cpp" $(pkg-config --cflags --libs reeve) ||
  fail "minimal.cpp does not compile"

seen=$(nm -DC --defined-only "$libraries/libreeve.so" | awk '$2 ~ /[TDB]/' | cut -d' ' -f3- |
  grep -vE '^reeve::(Client|Events|Failure|Reservation|ScopedRun|WorkerWatch)::' || true)
[ -z "$seen" ] || fail "libreeve.so shows what is not in its headers: $seen"

export LD_LIBRARY_PATH="$libraries"
if REEVE_SOCKET="$dir/nowhere" "$dir/minimal" >"$dir/output" 2>&1; then
  fail "minimal succeeds without a reeved"
fi
grep -q "$dir/nowhere.*systemctl start reeved" "$dir/output" || fail "minimal does not say why"
"$dir/minimal" >"$dir/output" 2>&1 || fail "minimal: exit status $?"
grep -qx "sleeper in .*/run-[0-9a-f]\{32\}/worker-sleeper" "$dir/output" || fail "no worker"
grep -qx exited "$dir/output" || fail "no exit"
echo "ok: minimal.cpp"
