#!/bin/sh
# found.sh MISTAKES SIGN SHORT LONG COMMAND…: the command succeeds, and fails and says SIGN once reeved
# makes one of these mistakes. SHORT, how long it is to look, is added to the command without a mistake,
# and LONG with one, which ends when it has found it; "" where it cannot be told.
set -eu
mistakes=$1 sign=$2 short=$3 long=$4
shift 4
[ -n "${REEVED:-}" ] || {
    echo "needs a reeved that was built with -Dtest_hooks=true, named by REEVED"
    exit 77
}
"$@" ${short:+"$short"} || { echo "FAILED without a mistake, too"; exit 1; }
failed=0
for mistake in $mistakes; do
    status=0
    said=$(REEVE_TEST_PATIENCE=5 REEVE_MISTAKE=$mistake "$@" ${long:+"$long"} 2>&1) || status=$?
    printf '%s\n' "$said"
    case $status,$said in
    0,* | 77,*) echo "FAILED to find the mistake \"$mistake\"" && failed=1 ;;
    *"$sign"*) echo "found: $mistake" ;;
    *) echo "FAILED for another reason than the mistake \"$mistake\"" && failed=1 ;;
    esac
done
exit "$failed"
