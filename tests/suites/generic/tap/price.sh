# A plan in front, a skipped test, one to do, and one that fails on demand.
echo "1..4"
echo "ok 1 - tax of DE is 19 percent"
echo "ok 2 - norway # SKIP no shop there yet"
echo "not ok 3 - rounding # TODO"
if [ -n "$SUITE_FAIL" ]; then
  echo "not ok 4 - the switch"
  exit 1
fi
echo "ok 4 - the switch"
