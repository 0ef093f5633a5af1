"""Where the frames of a movie lie in the files of each microscope and program."""
