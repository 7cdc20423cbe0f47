"""Measures any detector, ours or another's, on marked text. See ``docs/models.md``, "Measure it".

``sets`` reads marked text, ``readers`` asks detectors, ``classes`` and ``checksums`` say what counts as the same,
``counting`` compares one record, ``figures`` adds up and judges, ``report`` and ``misses`` write. Imports no other
room: the whole detector is asked through its command line, as anybody's detector can be.
"""
