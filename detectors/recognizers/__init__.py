"""The recognizers: each a Presidio recognizer, one idea a file. ``catalogue.build`` assembles them."""
