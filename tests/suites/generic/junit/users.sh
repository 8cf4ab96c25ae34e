echo '<testsuite name="users"><testcase classname="users" name="create"/></testsuite>' >"$1"
