# Writes its results to the file that the first argument names; one fails on demand.
if [ -n "$SUITE_FAIL" ]; then
  failure='<failure message="SUITE_FAIL is set"/>'
fi
cat >"$1" <<END
<?xml version="1.0" encoding="UTF-8"?>
<testsuites>
  <testsuite name="price">
    <testcase classname="price" name="tax of DE is 19 percent" time="0.001"/>
    <testcase classname="price" name="norway"><skipped message="no shop there yet"/></testcase>
    <testcase classname="price" name="the switch">$failure</testcase>
  </testsuite>
</testsuites>
END
[ -z "$failure" ]
