"""The auditors' page and REST API, read-only: ``coatcheck audit serve``. Imports nothing outside audit."""
