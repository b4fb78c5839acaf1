#!/bin/sh
# Compiles cpp/minimal.cpp against an installed tree, as others would, and runs it:
# cpp_test.sh MESON BUILD REEVED REEVECTL [COMPILER…]. Leaves nothing behind. 77: cannot be tested here.
set -eu
[ $# -ge 5 ] || { echo "usage: cpp_test.sh MESON BUILD REEVED REEVECTL COMPILER…" >&2; exit 2; }
meson=$1 build=$2 reeved=${REEVED:-$3} reevectl=${REEVECTL:-$4} here=$(dirname "$0")
shift 4
mount=$(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup2") { print $5; exit } }' \
            /proc/self/mountinfo)
[ "$(id -u)" -eq 0 ] || { echo "needs root, to make cgroups"; exit 77; }
[ -n "$mount" ] || { echo "needs a cgroup2 mount"; exit 77; }
for program in pkg-config nm "$1"; do
  command -v "$program" >/dev/null || { echo "needs $program"; exit 77; }
done
root=/reeve-cpp-test-$$ tree=$mount/reeve-cpp-test-$$ dir=$(mktemp -d) daemon=''

fail() {
  echo "FAILED: $1"
  for file in log output; do [ ! -s "$dir/$file" ] || { echo "$file:"; cat "$dir/$file"; }; done
  exit 1
}
soon() {  # soon COMMAND…: again and again until it succeeds, for some time
  deadline=$(($(date +%s) + ${REEVE_TEST_PATIENCE:-15}))
  until "$@"; do [ "$(date +%s)" -lt "$deadline" ] || return 1; sleep 0.01; done
}
answering() { "$reevectl" status >/dev/null 2>&1; }
no_runs() { [ -z "$("$reevectl" runs --no-legend)" ]; }
emptied() { find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -e "$tree" ]; }
cleanup() {
  status=$?
  set +e
  [ -z "$daemon" ] || { kill "$daemon"; wait "$daemon"; }
  [ ! -e "$tree/cgroup.kill" ] || echo 1 >"$tree/cgroup.kill"
  soon emptied || { echo "FAILED: left behind: $tree"; status=1; }
  rm -rf "$dir"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM

# Only what a developer's package and its library would have.
DESTDIR="$dir/installed" "$meson" install -C "$build" --no-rebuild --quiet --tags devel,runtime \
  >"$dir/log" 2>&1 || fail "meson install"
package=$(find "$dir/installed" -name reeve.pc)
[ -n "$package" ] || fail "no reeve.pc is installed"
export PKG_CONFIG_PATH="${package%/*}" PKG_CONFIG_SYSROOT_DIR="$dir/installed"
libraries=$(pkg-config --variable=libdir reeve)
export LD_LIBRARY_PATH="$dir/installed${libraries#"$dir/installed"}"
# Each header stands for itself, and compiles with the warnings that careful users have on.
for header in "$here"/../../include/reeve/*.hpp; do
  name=${header##*/}
  # shellcheck disable=SC2046
  echo "#include <reeve/$name>" | "$@" -std=c++20 -fsyntax-only -x c++ -Wall -Wextra -Wpedantic \
    -Wconversion -Wshadow -Werror $(pkg-config --cflags reeve) - >"$dir/log" 2>&1 ||
    fail "$name is not installed, or does not compile by itself"
done
# shellcheck disable=SC2046
"$@" -std=c++20 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -o "$dir/minimal" \
  "$here/cpp/minimal.cpp" $(pkg-config --cflags --libs reeve) >"$dir/log" 2>&1 ||
  fail "minimal.cpp does not compile"
# What the library shows to others is its own interface.
seen=$(nm -DC --defined-only "$LD_LIBRARY_PATH"/libreeve.so | awk '$2 == "T" || $2 == "D" || $2 == "B"' |
         cut -d' ' -f3- | grep -vE '^reeve::(Client|Events|Failure|Reservation|ScopedRun|WorkerWatch)::' || true)
[ -z "$seen" ] || fail "libreeve.so shows what is not in its headers: $seen"

export REEVE_SOCKET="$dir/socket"
unset REEVE_RUN_ID
if "$dir/minimal" >"$dir/output" 2>&1; then fail "minimal succeeds without a reeved"; fi
grep -q "$REEVE_SOCKET.*systemctl start reeved" "$dir/output" || fail "minimal does not say why"
"$reeved" --root "$root" --socket "$REEVE_SOCKET" >"$dir/log" 2>&1 &
daemon=$!
soon answering || fail "reeved does not start"
"$dir/minimal" >"$dir/output" 2>&1 || fail "minimal: exit status $?"
grep -qx "sleeper in $root/run-[0-9a-f]\{32\}/worker-sleeper" "$dir/output" || fail "no worker"
grep -qx exited "$dir/output" || fail "no exit"
soon no_runs || fail "its run does not end with it"
echo "ok: minimal.cpp"
