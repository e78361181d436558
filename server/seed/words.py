"""What made-up people are called and write."""

from __future__ import annotations

from typing import Final

FIRST_NAMES: Final = (
    "Ada", "Alan", "Amal", "Anna", "Basma", "Carl", "Dina", "Edgar", "Emmy", "Farid", "Grace", "Hana", "Ibrahim",
    "Jana", "Karim", "Lea", "Lina", "Marie", "Nadia", "Omar", "Paul", "Rania", "Sami", "Sofia", "Tariq", "Yara",
)  # fmt: skip
LAST_NAMES: Final = (
    "Abbas", "Berg", "Costa", "Darwish", "Evans", "Fischer", "Haddad", "Ito", "Jensen", "Khoury", "Lange", "Mansour",
    "Novak", "Okafor", "Pereira", "Qasim", "Rossi", "Saleh", "Turner", "Weber", "Zidan",
)  # fmt: skip
HASHTAGS: Final = (
    "music", "live", "coding", "football", "موسيقي", "art", "cooking", "travel", "chess", "قهوه", "books", "garden",
    "science", "سفر", "photography", "film", "history", "running", "شعر", "birds", "maps", "bread", "stars", "radio",
)  # fmt: skip
SENTENCES: Final = (
    "The new set is almost ready, and tonight you hear all of it",
    "Going live in an hour: bring questions, and something warm to drink",
    "Three days of rain, and the garden has never looked better",
    "I have read it twice now and still find something new on every page",
    "Does anybody know a good place for bread near the old harbour?",
    "Finally fixed the bug that had been with us since spring",
    "What a match! I have no voice left",
    "The light this morning was worth getting up for",
    "Small update: the workshop is full, and there is a second date",
    "Thank you all for last night, we were more than two thousand",
    "My grandmother's recipe, at last written down",
    "A long walk, a short talk, and a plan for the winter",
    "Look at the sky in the north tonight, if it is clear where you are",
    "Somebody left a chessboard in the park, and nobody wants to stop playing",
    "We tried the new encoder today: half the bitrate, and I can't tell them apart",
    "صباح الخير من المدينة القديمة، والقهوة جاهزة",
    "الليلة بث مباشر مع أصدقاء من كل مكان",
    "انتهيت من قراءة هذا الكتاب وأريد أن أبدأه من جديد",
    "المطر يعود أخيرًا بعد صيف طويل",
    "شكرًا لكل من شارك معنا أمس، كانت ليلة لا تنسى",
    "من يعرف مكانًا هادئًا للعمل قرب البحر؟",
    "وصفة جدتي كما كتبتها بخط يدها",
)  # fmt: skip
