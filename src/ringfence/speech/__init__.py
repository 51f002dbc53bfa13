"""Speech services, one file each, found by listing this folder: words out of sound, sound out of words."""
