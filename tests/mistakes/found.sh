#!/bin/sh
# found.sh MISTAKES SHORT LONG COMMAND…: the command succeeds, and fails once reeved makes one of these
# mistakes. SHORT, how long it is to look, is added to the command without a mistake, and LONG with
# one, which ends when it has found it; "" where it cannot be told.
set -eu
mistakes=$1 short=$2 long=$3
shift 3
[ -n "${REEVED:-}" ] || {
    echo "needs a reeved that was built with -Dtest_hooks=true, named by REEVED"
    exit 77
}
"$@" ${short:+"$short"} || { echo "FAILED without a mistake, too"; exit 1; }
failed=0
for mistake in $mistakes; do
    status=0
    REEVE_TEST_PATIENCE=5 REEVE_MISTAKE=$mistake "$@" ${long:+"$long"} || status=$?
    case $status in
    0 | 77) echo "FAILED to find the mistake \"$mistake\"" && failed=1 ;;
    *) echo "found: $mistake" ;;
    esac
done
exit "$failed"
