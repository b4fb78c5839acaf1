#!/bin/sh
# with_reeved.sh REEVED REEVECTL PROGRAM [ARGUMENT…]: runs the test of a client. It finds a reeved of
# its own at $REEVE_SOCKET, and $REEVED and $REEVECTL; who writes 1 to $REEVED_GROUP/cgroup.kill
# kills reeved, and another starts. Everything is in one throw-away cgroup and one directory, and
# neither is left. 77: cannot be tested here.
set -eu
[ $# -ge 3 ] || { echo "usage: with_reeved.sh REEVED REEVECTL PROGRAM [ARGUMENT...]" >&2; exit 2; }
REEVED=$(realpath "${REEVED:-$1}") REEVECTL=$(realpath "${REEVECTL:-$2}")
export REEVED REEVECTL LC_ALL=C.UTF-8
shift 2
mount=$(awk '{ for (i = 7; $i != "-"; i++); if ($(i + 1) == "cgroup2") { print $5; exit } }' \
            /proc/self/mountinfo)
[ "$(id -u)" -eq 0 ] || { echo "needs root, to make cgroups"; exit 77; }
[ -n "$mount" ] || { echo "needs a cgroup2 mount"; exit 77; }
command -v "$1" >/dev/null || { echo "needs $1"; exit 77; }
tree=$mount/reeve-client-test-$$ dir='' keeper=''

fail() {
  echo "FAILED: $1"
  [ ! -s "$dir/log" ] || { echo "the last that reeved says:"; tail -n 20 "$dir/log"; }
  exit 1
}
soon() {  # soon COMMAND…: again and again until it succeeds, for some time
  deadline=$(($(date +%s) + ${REEVE_TEST_PATIENCE:-15}))
  until "$@"; do [ "$(date +%s)" -lt "$deadline" ] || return 1; sleep 0.01; done
}
inside() {  # inside GROUP COMMAND…
  group=$1
  shift
  sh -c 'echo 0 >"$0/cgroup.procs" && exec "$@"' "$tree/$group" "$@"
}
keep_reeved() {  # as systemd does it: who is killed is started again
  status=137
  while [ "$status" -eq 137 ] && [ ! -e "$dir/stop" ]; do
    status=0
    inside reeved "$REEVED" --bus none --root "${tree#"$mount"}/runs" --socket "$REEVE_SOCKET" || status=$?
  done
  return "$status"
}
answering() { "$REEVECTL" status >/dev/null 2>&1; }
no_runs() { [ -z "$("$REEVECTL" runs --no-legend)" ]; }
no_processes() { grep -q '^populated 0' "$tree/$1/cgroup.events"; }
ended() { grep -qs '^State:.Z' "/proc/$1/status" || [ ! -e "/proc/$1" ]; }
reeved_stopped() {
  xargs -r kill <"$tree/reeved/cgroup.procs" 2>/dev/null
  ended "$keeper"
}
emptied() { find "$tree" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -e "$tree" ]; }
stop_reeved() {
  touch "$dir/stop"
  soon reeved_stopped && wait "$keeper"
}
cleanup() {
  status=$?
  set +e
  trap '' HUP INT PIPE TERM
  [ -z "$keeper" ] || [ -e "$dir/stop" ] || stop_reeved
  [ ! -e "$tree" ] || echo 1 >"$tree/cgroup.kill"
  soon emptied || { echo "FAILED: left behind: $tree"; status=1; }
  [ -z "$dir" ] || rm -rf "$dir"
  exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 141' PIPE; trap 'exit 143' TERM
mkdir "$tree" "$tree/reeved" "$tree/client" "$tree/runs"
export REEVED_GROUP="$tree/reeved"
dir=$(mktemp -d)
chmod 711 "$dir"  # so that other users' clients reach the socket
export REEVE_SOCKET="$dir/socket"
unset REEVE_RUN_ID

keep_reeved >"$dir/log" 2>&1 &
keeper=$!
soon answering || fail "reeved does not start"
inside client "$@" &
status=0
wait $! || status=$?
[ "$status" -ne 77 ] || exit 77
[ "$status" -eq 0 ] || fail "exit status $status"
soon no_processes client || fail "it leaves processes behind"
soon no_runs || fail "its runs do not end with it"
[ -z "$(find "$tree/runs" -mindepth 1 -type d)" ] || fail "reeved keeps cgroups of runs that ended"
stop_reeved || fail "reeved ends with an error"
