# Says something on both outputs, and passes.
echo "on standard output"
echo "on standard error" >&2
