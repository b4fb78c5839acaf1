#!/bin/sh
# found.sh MISTAKE COMMAND…: the command succeeds, and fails once reeved makes that mistake.
set -eu
mistake=$1
shift
[ -n "${REEVED:-}" ] || {
    echo "needs a reeved that was built with -Dtest_hooks=true, named by REEVED"
    exit 77
}
"$@" || { echo "FAILED without the mistake, too"; exit 1; }
status=0
REEVE_TEST_PATIENCE=10 REEVE_MISTAKE=$mistake "$@" || status=$?
case $status in
0 | 77) echo "FAILED to find the mistake \"$mistake\""; exit 1 ;;
esac
echo "found: $mistake"
