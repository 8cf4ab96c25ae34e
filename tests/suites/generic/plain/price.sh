# Fails on demand.
echo "the switch is $SUITE_FAIL"
[ -z "$SUITE_FAIL" ]
