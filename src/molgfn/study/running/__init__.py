"""The runs of a study: what each is, whether it is done, how it is made, and how one that was stopped goes on."""
