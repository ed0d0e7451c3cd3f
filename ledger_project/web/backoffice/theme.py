"""What the settings name for the back office's theme to call."""

from django.http import HttpRequest
from django.templatetags.static import static


def primary_colour(request: HttpRequest) -> dict[str, str]:
    """Blue, from light to dark; white on the sixth and the first on the eighth are easy to read."""
    lightness = (97, 93.2, 88.2, 80.9, 70.7, 62.3, 54.6, 48.8, 42.4, 37.9, 28.2)
    chroma = (0.014, 0.032, 0.059, 0.105, 0.165, 0.19, 0.2, 0.19, 0.16, 0.13, 0.09)
    steps = ("50", "100", "200", "300", "400", "500", "600", "700", "800", "900", "950")
    return {step: f"oklch({light}% {c} 259)" for step, light, c in zip(steps, lightness, chroma, strict=True)}


def favicon(request: HttpRequest) -> str:
    return static("backoffice/favicon.svg")


def stylesheet(request: HttpRequest) -> str:
    return static("backoffice/backoffice.css")


def script(request: HttpRequest) -> str:
    return static("backoffice/backoffice.js")
