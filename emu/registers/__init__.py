"""System registers as data, their storage, and who may access them."""
