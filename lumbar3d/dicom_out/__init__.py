"""Results as DICOM objects in the study of the films: structured report, models and a capture of the outlines."""
