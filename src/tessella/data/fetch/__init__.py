"""`tessella data fetch`: download a public data set, verify it, unpack it."""
