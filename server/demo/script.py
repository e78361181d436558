"""Who is in the demo, what they plan and what they say. Nothing but words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True)
class Persona:
    """A persona. ``pause_s``: between two of their messages, on average."""

    username: str
    display_name: str
    bio: str
    pause_s: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A stream that a persona has announced."""

    owner: str
    title: str
    description: str
    category: str
    tags: tuple[str, ...]
    in_hours: float = 0.0


HOST: Final = Persona(
    username="ines_signal",
    display_name="Ines Signal",
    bio="I test pictures so that you do not have to. Live most days.",
    pause_s=9,
)
EARLIER_HOST: Final = Persona(
    username="bao_tones",
    display_name="Bao",
    bio="Sine waves, mostly in tune.",
    pause_s=7,
)
CROWD: Final = (
    Persona(username="tomasz_k", display_name="Tomasz", bio="Night shifts and synthesizers.", pause_s=2),
    Persona(username="fatima_codes", display_name="Fatima", bio="Compilers, cats, cardamom.", pause_s=3),
    Persona(username="old_gregor", display_name="Gregor", bio="On the air since valves.", pause_s=5),
    Persona(username="lena_moves", display_name="Lena", bio="Dancer. Answers in emoji.", pause_s=2),
    Persona(username="kwame_b", display_name="Kwame", bio="Photographs markets at dawn.", pause_s=3.5),
    Persona(username="yuki_frames", display_name="Yuki 雪", bio="One frame at a time.", pause_s=3),
    Persona(username="sol_marina", display_name="Sol Marina", bio="Marine biologist, terrible puns.", pause_s=3.5),
    Persona(username="dmitri_lag", display_name="Dmitri", bio="I measure latency for fun.", pause_s=4),
    Persona(username="ana_paula", display_name="Ana Paula", bio="Cozinha, samba, ciência.", pause_s=3.5),
    Persona(username="rio_writes", display_name="Rio", bio="Short stories, long walks.", pause_s=4),
)
EVERYBODY: Final = (HOST, EARLIER_HOST, *CROWD)

NOW: Final = Plan(
    owner=HOST.username,
    title="Colour bars until dawn",
    description="A test picture, a tone and good company. The clock in the picture shows how far behind you are.",
    category="Technology",
    tags=("testcard", "chill", "demo"),
)
EARLIER: Final = Plan(
    owner=EARLIER_HOST.username,
    title="Tuning the tone (short one)",
    description="Fifteen seconds of preparation for the main event.",
    category="Music",
    tags=("tone", "demo"),
)
LATER: Final = (
    Plan(
        owner="sol_marina",
        title="What lives under the pier",
        description="A hydrophone, a torch and questions from the chat.",
        category="Science",
        tags=("ocean", "nature"),
        in_hours=20,
    ),
    Plan(
        owner="ana_paula",
        title="Moqueca, from the beginning",
        description="Bring fish or bring mushrooms: both work.",
        category="Food",
        tags=("cooking", "brasil"),
        in_hours=45,
    ),
    Plan(
        owner="tomasz_k",
        title="Patching until something hums",
        description="Modular synthesis with no plan at all.",
        category="Music",
        tags=("synth", "live"),
        in_hours=70,
    ),
)

LINES: Final = (
    "hello from the other side of the screen",
    "the clock and I are about a second apart here",
    "is that tone an A? sounds like an A",
    "220 Hz, one octave down, I checked",
    "my cat is watching the moving square",
    "the diagonal is the best character",
    "who else has this on the second monitor?",
    "no buffering at all so far",
    "I could listen to that beep for hours. I have, actually",
    "greetings from a train, still smooth",
    "the red bar is redder than yesterday",
    "just here for the plot",
    "does anybody know when the next one starts?",
    "first time here, what did I miss?",
    "everything. and nothing. it is a test card",
    "switching to full screen, wish me luck",
    "sound is in step for me",
    "on the phone now, works as well",
    "who counts the frames?",
    "thirty a second, I counted",
    "boa noite a todos",
    "sto ancora aspettando il finale",
    "今日もいい色ですね",
    "привет из ночной смены",
    "the corner in the lower left has my vote",
    "can we get a poll about the corners?",
    "low latency, high drama",
    "I brought tea",
    "this is oddly calming",
    "remember when these came with a hum?",
    "paused for a second and it caught up again, nice",
    "my deadline is tomorrow and yet here I am",
    "same",
    "the host is very quiet tonight",
    "clip that!",
)
HOST_LINES: Final = (
    "welcome in, everybody who has just come",
    "tell me how far behind the clock you are",
    "yes, the recording stays up afterwards",
    "three more streams are on the calendar, have a look at the home page",
    "thank you for all the reactions",
    "the square will make it round again, promise",
)
REPLIES: Final = ("agreed", "so true", "ha!", "wait, really?", "this", "you say that every time", "👏 👏", "good point")
EMOJI: Final = ("❤️", "🔥", "😂", "🎉", "👍", "😮")
TIP_CENTS: Final = (100, 200, 500, 1_000, 2_500)
TIP_LINES: Final = ("For the colour bars.", "Buy yourself a tea.", "Best tone of the night.", "")
