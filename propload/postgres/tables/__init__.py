"""Tables as they are and as they are to be: what rows and columns must fit."""
