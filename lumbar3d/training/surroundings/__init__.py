"""Surroundings of the lumbar vertebrae on a film, drawn apart from them: attenuation adds along a ray."""
