"""One file per outside tool; foreign exceptions stop here."""
