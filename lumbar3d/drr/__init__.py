"""Digitally reconstructed radiographs of closed meshes."""
