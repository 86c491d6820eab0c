"""Vectors of texts and images by an encoder that the user names, cached."""

from tfctr.data.encoders.encoding import Encoded, encode_images, encode_text

__all__ = ["Encoded", "encode_images", "encode_text"]
