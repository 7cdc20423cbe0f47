"""Rules over findings: what may leave, what is masked, what stays, what is refused. No I/O."""
