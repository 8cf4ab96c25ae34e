# Has a name that must survive every quoting.
exit 0
