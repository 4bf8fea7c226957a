"""An app as a whole: added, shown, changed, removed."""
