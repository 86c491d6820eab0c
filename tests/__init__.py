"""The tests; a package, because some distribution installs another `tests`."""
