"""What a picture looks like in some characters."""

from __future__ import annotations

from media.pictures.blurhash import blurhash

RED, BLUE = (255, 0, 0), (0, 0, 255)


def test_pictures_look_as_other_programs_say() -> None:
    """The values are of the package ``blurhash``."""
    assert blurhash([RED] * 12, 4, 3) == "L~TI:j|cfQ|c|c$5fQ$5fQfQfQfQ"


def test_a_picture_has_its_mean_and_what_is_left_and_right_of_it() -> None:
    one, other = blurhash([RED, BLUE] * 4, 2, 4), blurhash([BLUE, RED] * 4, 2, 4)
    assert one[2:6] == other[2:6]
    assert one[6:8] != other[6:8]
