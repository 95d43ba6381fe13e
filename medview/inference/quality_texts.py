"""What is said of a picture that passes a limit of `medview.inference.quality`, and what to do about it."""

from __future__ import annotations

from medview.core.failures import Code
from medview.core.texts import Text

# What is said of each limit that was passed: code, text with the measure filled in, hint.
SAID: dict[str, tuple[Code, Text, Text]] = {
    "low_side": (
        Code.TOO_SMALL,
        Text("The picture is small: its shorter side has {measured:.0f} pixels, {limit:.0f} are the least to rely on."),
        Text("If this is a thumbnail, open the original picture."),
    ),
    "aspect": (
        Code.WRONG_SHAPE,
        Text("The picture is {measured:.1f} times as long as wide; the models learned from nearly square ones."),
        Text("Open the whole picture, without a part cut off."),
    ),
    "low_brightness": (
        Code.TOO_DARK,
        Text("The picture is very dark: mean brightness {measured:.0%}, at least {limit:.0%} expected."),
        Text("Export it again with its usual window."),
    ),
    "brightness": (
        Code.TOO_BRIGHT,
        Text("The picture is very bright: mean brightness {measured:.0%}, at most {limit:.0%} expected."),
        Text("Export it again with its usual window."),
    ),
    "low_contrast": (
        Code.LOW_CONTRAST,
        Text(
            "The picture has little contrast: {measured:.0%} of the grey scale is used, at least {limit:.0%} expected."
        ),
        Text("Export it again with its usual window."),
    ),
    "saturated": (
        Code.SATURATED,
        Text("Parts of the picture are burnt out: {measured:.0%} of it is pure white, at most {limit:.0%} expected."),
        Text("Export it again with a wider window."),
    ),
    "low_sharpness": (
        Code.BLURRED,
        Text("The picture is blurred: sharpness {measured:.3f}, at least {limit:.3f} expected."),
        Text("If this is a copy that was made smaller, open the original picture."),
    ),
    "chroma": (
        Code.PHOTO,
        Text(
            "The picture is coloured ({measured:.1%}, at most {limit:.1%} expected), as a photo of a film or screen is."
        ),
        Text("Open the file of the examination itself instead of a photo of it."),
    ),
    "saturation": (
        Code.OTHER_KIND,
        Text(
            "The picture has stronger colours than an X-ray or MR, or a photo of one: saturation {measured:.0%}, "
            "at most {limit:.0%} expected."
        ),
        Text(
            "Open the file of the examination itself, without a tint or colour map; in colour, medview judges skin "
            "alone."
        ),
    ),
    "skew": (
        Code.PHOTO,
        Text("The picture shows a sheet that is {measured:.0f}° out of square, as a photo of a film or screen does."),
        Text("Open the file of the examination itself instead of a photo of it."),
    ),
}

# What is said instead of a photo, which anybody can take again; an examination is not repeated for a program.
SAID_OF_PHOTOS = {
    "low_brightness": Text("Take it again with more light."),
    "brightness": Text("Take it again with less light."),
    "low_contrast": Text("Take it again in even light, without a filter."),
    "saturated": Text("Take it again with less light or without the flash."),
    "low_sharpness": Text("Open the original picture, or take it again in focus."),
}
# Kinds that are photos.
PHOTOS = ("skin_lesion",)

# What is said of a picture by its header: text and hint.
SAID_OF_LATERAL = (
    Text("This is a lateral view, as the file says; the models know frontal views only."),
    Text("Open the frontal view (PA or AP) of the same examination."),
)
SAID_OF_NOT_T1 = (
    Text("This is no T1-weighted slice, as the file says ({why}); tumours were learned on those with contrast."),
    Text("Open the T1-weighted series with contrast of the same examination; the models' numbers are worth less here."),
)
