"""The method, one line a step: two radiographs and their calibration to five vertebrae and their numbers."""
