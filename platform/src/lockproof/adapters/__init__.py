"""One room per outside thing, where its exceptions stop; beside them lies what two rooms need."""
