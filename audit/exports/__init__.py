"""Records carried out of the database in other programs' formats: CSV, Parquet, CEF, OCSF, ECS.

They prove nothing by themselves (`audit.export` does); each names the checkpoint under which it was made and the
ledger's leaf of every record. Nothing here writes to the database or imports anything outside audit.
"""
