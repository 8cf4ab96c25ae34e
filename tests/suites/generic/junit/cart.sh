# Can be emptied: then it says "all well" and has run nothing.
if [ -n "$SUITE_EMPTY" ]; then
  echo '<testsuites/>' >"$1"
  exit 0
fi
cat >"$1" <<'END'
<testsuite name="cart">
  <testcase classname="cart" name="starts empty"/>
  <testcase classname="cart.with goods" name="größe wächst ✓"/>
</testsuite>
END
