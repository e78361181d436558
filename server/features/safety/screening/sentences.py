"""Sentences that the heads of the text model are fitted to, made of templates: English and Arabic, ours.

Each label has what is likely to be taken for it beside it: anger without insult, slang that sounds like a threat,
offers of friends that sound like advertising.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import msgspec

Label = Literal["toxic", "spam", "positive", "negative", "neutral"]
Language = Literal["en", "ar"]
EACH: Final = 12
"""Sentences of one template at most."""


class Sentence(msgspec.Struct, frozen=True, kw_only=True):
    language: Language
    label: Label
    text: str


_EN_SLOTS: Final[Mapping[str, Sequence[str]]] = {
    "insult": (
        "idiot", "moron", "loser", "stupid clown", "pathetic fool", "piece of trash", "dumb pig", "worthless rat",
    ),
    "bad": ("disgusting", "pathetic", "worthless", "brainless", "useless", "revolting", "ugly"),
    "group": ("your people", "those foreigners", "all of them", "women like you", "your whole family", "immigrants"),
    "thing": ("stream", "video", "song", "show", "episode", "update", "picture", "drawing", "recipe"),
    "good": ("amazing", "wonderful", "lovely", "brilliant", "beautiful", "great", "fantastic", "so helpful"),
    "poor": ("boring", "disappointing", "terrible", "too slow", "a waste of time", "confusing", "sad"),
    "topic": ("cooking", "football", "chess", "gardening", "music", "history", "programming", "travel"),
    "time": ("today", "tomorrow", "at eight", "next week", "on Monday", "tonight"),
    "site": (
        "www.fast-win.example", "bit.example/free", "t.example/join", "my site", "this link", "the link in my bio",
    ),
    "prize": ("free iPhone", "gift card", "1000 dollars", "crypto bonus", "free followers", "free coins"),
    "goods": ("followers", "likes", "cheap watches", "pills", "loans", "fake passports", "views"),
}  # fmt: skip
_EN: Final[Mapping[Label, Sequence[str]]] = {
    "toxic": (
        "you are a {insult}", "shut up you {insult}", "what a {insult} you are", "nobody likes you, {insult}",
        "you are so {bad} that I feel sick", "your face is {bad}", "go away, {bad} {insult}", "I hate you, {insult}",
        "{group} should be thrown out", "{group} are animals", "{group} do not deserve to live here",
        "I hope you die, {insult}", "I will find you and hurt you", "kill yourself {insult}", "do us a favour and die",
        "you deserve to be beaten", "I will break your legs when I see you", "watch your back, I know where you live",
        "you are too dumb to understand {topic}", "stupid {insult}, delete your account", "nobody wants you here",
        "your mother must be ashamed of such a {insult}", "everyone laughs at you because you are {bad}",
        "only a {insult} would like this {thing}", "you fat {insult}", "you are a waste of oxygen",
        "get lost you {bad} creature", "I want to punch you in the face", "{group} are {bad}",
        "you make me sick, {insult}",
        "burn in hell {insult}", "you people are {bad} parasites", "shut your mouth", "the world is better without you",
        "such a liar and a {insult}", "you sound like a {insult} and you look {bad}", "fuck you", "fuck off {insult}",
        "you are full of shit", "what a bitch", "eat shit {insult}", "you bastard",
    ),
    "spam": (
        "win a {prize} now, click {site}", "get {goods} cheap at {site}", "click {site} to claim your {prize}",
        "earn 500 dollars a day from home, visit {site}", "buy {goods} with discount, write to me on WhatsApp",
        "congratulations you have won a {prize}, send your details", "limited offer!!! {goods} for 5 dollars only",
        "make money fast with crypto, join {site}", "subscribe to my channel and I subscribe back",
        "hot singles wait for you at {site}",
        "double your bitcoin in 24 hours {site}", "follow me and get a {prize}",
        "best prices for {goods}, order at {site}",
        "free {goods} no password needed {site}", "your account is blocked, verify it at {site}",
        "promo code for a {prize} at {site}",
        "invest 100 and receive 1000 guaranteed", "DM me for {goods}", "check out my profile for a {prize}",
        "online casino with a bonus, sign up at {site}", "lose ten kilos in a week with these pills {site}",
        "send one coin and get two back", "cheap loans without questions at {site}",
        "join our Telegram group for signals and profit",
    ),
    "positive": (
        "this {thing} is {good}", "I love this {thing}", "thank you, that was {good}", "you did a {good} job {time}",
        "what a {good} {thing}, made my day", "so happy to see you {time}", "best {thing} about {topic} ever",
        "I learned so much about {topic}, thank you", "congratulations, well deserved", "you are so kind and {good}",
        "haha this killed me, so funny", "damn, that was {good}", "this is sick, I love it",
        "you are crazy good at {topic}",
        "I could watch this {thing} all day", "proud of you my friend", "that goal was insane, unbelievable!",
        "welcome everyone, glad you are here", "my new {thing} is finally out, hope you enjoy it", "this beat is fire",
        "subscribed, your {thing} is {good}", "I bought your book and it is {good}",
    ),
    "negative": (
        "this {thing} is {poor}", "I did not like the {thing} {time}", "the sound is bad and the {thing} lags",
        "I am so tired and sad {time}", "what a {poor} {thing}", "I hate Mondays", "I hate it when the stream stops",
        "this made me cry", "my cat died {time}", "the referee was {poor}, we lost again",
        "I disagree with you about {topic}",
        "your argument about {topic} is wrong", "the news about the war are terrible", "I feel lonely {time}",
        "that was a stupid mistake of mine", "this bug is killing me", "I am angry about the new prices",
        "the ending was {poor}", "the service was {poor} and nobody answered", "worst weather ever {time}",
        "this game is trash, it crashed again", "I lost my job {time}", "such a stupid rule",
    ),
    "neutral": (
        "the {thing} starts {time}", "does anybody know when the {thing} begins?", "we talk about {topic} {time}",
        "here is the link to the {thing} from yesterday", "what is the name of that {thing}?",
        "I live near the station",
        "kill the process and start the server again", "how do I shoot a photo in the dark?",
        "the recipe needs two eggs",
        "my code for {topic} is on my page", "who plays {topic} {time}?", "the next {thing} is about {topic}",
        "how much does a ticket for {time} cost?", "I follow a class in {topic}", "the shop opens {time}",
        "we beat them two to one {time}", "the bomb in the film was not real", "the article explains how spam works",
        "the train leaves {time}", "is there a {thing} about {topic}?", "new {thing} on my channel {time}",
        "he attacked with the queen and took the rook", "she is a doctor and he is a teacher", "the meeting is {time}",
        "please mute your microphone", "the word idiot comes from Greek", "donations for the shelter are open {time}",
    ),
}  # fmt: skip
_AR_SLOTS: Final[Mapping[str, Sequence[str]]] = {
    "insult": ("غبي", "حمار", "كلب", "فاشل", "أحمق", "حقير", "تافه", "قذر"),
    "bad": ("مقرف", "قبيح", "تافه", "مقزز", "وسخ", "سخيف"),
    "group": ("هؤلاء الأجانب", "أنتم كلكم", "عائلتك كلها", "قومك", "النساء مثلك", "اللاجئين"),
    "thing": ("البث", "الفيديو", "الأغنية", "البرنامج", "الحلقة", "الصورة", "الوصفة", "اللعبة"),
    "good": ("رائع", "جميل", "ممتاز", "مذهل", "مفيد جدا", "حلو"),
    "poor": ("ممل", "سيئ", "مخيب", "بطيء", "ضعيف", "مضيعة للوقت"),
    "topic": ("الطبخ", "كرة القدم", "الشطرنج", "الزراعة", "الموسيقى", "التاريخ", "البرمجة", "السفر"),
    "time": ("اليوم", "غدا", "الساعة الثامنة", "الأسبوع القادم", "يوم الاثنين", "الليلة"),
    "site": ("الرابط في البايو", "هذا الرابط", "www.win.example", "موقعنا", "bit.example/free"),
    "prize": ("آيفون مجانا", "بطاقة هدية", "ألف دولار", "مكافأة", "متابعين مجانا", "شحن مجاني"),
    "goods": ("متابعين", "لايكات", "ساعات مقلدة", "حبوب", "قروض", "مشاهدات"),
}  # fmt: skip
_AR: Final[Mapping[Label, Sequence[str]]] = {
    "toxic": (
        "أنت {insult}", "اسكت يا {insult}", "يا {insult} يا {bad}", "لا أحد يحبك يا {insult}", "وجهك {bad}",
        "أنت {bad} وغبي", "أكرهك يا {insult}", "{group} يجب طردهم", "{group} حيوانات", "{group} لا يستحقون الحياة",
        "أتمنى أن تموت يا {insult}", "سوف أجدك وأضربك", "اقتل نفسك", "سأكسر رأسك عندما أراك", "أعرف أين تسكن وسأؤذيك",
        "انقلع من هنا يا {insult}", "الله يلعنك يا {insult}", "يلعن أبوك", "أمك تخجل منك يا {insult}",
        "كل الناس تضحك عليك لأنك {bad}", "اخرس يا {bad}", "انت ما تفهم شي يا {insult}", "وش هالغباء يا {insult}",
        "يا ابن الكلب", "يا حيوان", "العالم أفضل بدونك", "أنت عار على الجميع", "تستحق الضرب يا {insult}",
        "لا مكان لك بيننا يا {insult}", "شكلك {bad} وصوتك {bad}", "خنزير وسخ", "اذهب إلى الجحيم", "كل هوا يا {insult}",
        "انت واحد {insult} و{bad}", "احذف حسابك يا {insult}",
    ),
    "spam": (
        "اربح {prize} الآن، اضغط {site}", "نبيع {goods} بسعر رخيص، تواصل واتساب", "اضغط {site} لتحصل على {prize}",
        "اكسب 500 دولار يوميا من البيت عبر {site}", "مبروك لقد فزت بـ {prize} أرسل بياناتك",
        "عرض محدود!!! {goods} بخمسة دولارات فقط",
        "استثمر مئة واحصل على ألف مضمون", "اشترك في قناتي وأشترك في قناتك", "ضاعف أموالك خلال يوم {site}",
        "تابعني واحصل على {prize}", "أفضل الأسعار: {goods} عبر {site}", "حسابك محظور، أكد بياناتك عبر {site}",
        "انضم إلى قناة التلغرام للربح السريع", "قروض بدون شروط {site}", "كازينو أونلاين مع مكافأة، سجل في {site}",
        "{goods} مجانا بدون كلمة سر {site}", "كود خصم و{prize} من {site}", "خسارة الوزن في أسبوع مع هذه الحبوب {site}",
        "راسلني خاص للحصول على {goods}", "تداول العملات الرقمية بأرباح مضمونة {site}",
        "زيادة {goods} حقيقية بأرخص الأسعار",
    ),
    "positive": (
        "{thing} {good}", "أحب {thing} كثيرا", "شكرا لك، كان هذا {good}", "{thing} {good} جدا، أسعدتني",
        "سعيد جدا برؤيتكم {time}", "أفضل شرح عن {topic}", "تعلمت الكثير عن {topic}، شكرا", "مبروك، تستحق ذلك",
        "أنت شخص طيب و{good}", "ههههه مت من الضحك", "فخور بك يا صديقي", "هدف خرافي لا يصدق",
        "أهلا وسهلا بالجميع، نورتم",
        "ما شاء الله تبارك الله", "الله يعطيك العافية على {thing}", "صباح الخير والسعادة", "يا سلام على {thing}",
        "اشتركت في القناة لأن المحتوى {good}", "بارك الله فيك", "استمر، عملك {good}", "انت وحش في {topic}",
    ),
    "negative": (
        "{thing} {poor}", "لم يعجبني {thing} {time}", "الصوت سيئ و{thing} يتقطع", "أنا متعب وحزين {time}",
        "أكره يوم الاثنين", "هذا جعلني أبكي", "ماتت قطتي {time}", "الحكم كان {poor} وخسرنا",
        "أختلف معك في موضوع {topic}",
        "كلامك عن {topic} غير صحيح", "أخبار الحرب محزنة", "أشعر بالوحدة {time}", "كان خطأ غبيا مني",
        "غاضب من الأسعار الجديدة",
        "النهاية كانت {poor}", "الخدمة سيئة ولا أحد يرد", "الجو سيئ جدا {time}", "خسرت عملي {time}",
        "هذا الخلل سيقتلني",
        "{thing} توقف مرة أخرى، شيء مزعج", "قانون سخيف",
    ),
    "neutral": (
        "{thing} يبدأ {time}", "متى يبدأ {thing}؟", "نتحدث عن {topic} {time}", "هذا رابط حلقة الأمس", "ما اسم {thing}؟",
        "أسكن قرب المحطة", "أوقف البرنامج وشغله من جديد", "الوصفة تحتاج بيضتين", "من يلعب {topic} {time}؟",
        "الحلقة القادمة عن {topic}", "كم سعر التذكرة {time}؟", "أدرس {topic} في الجامعة", "المحل يفتح {time}",
        "فزنا عليهم اثنين لواحد {time}", "المقال يشرح كيف يعمل الاحتيال", "القطار يغادر {time}",
        "هل يوجد {thing} عن {topic}؟",
        "هي طبيبة وهو معلم", "الاجتماع {time}", "من فضلك أغلق الميكروفون", "عندي كلب وقطة في البيت",
        "الحمار حيوان صبور",
        "صباح الخير", "التبرع للملجأ مفتوح {time}", "فيديو جديد على قناتي {time}",
    ),
}  # fmt: skip
_MADE_OF: Final[Mapping[Language, tuple[Mapping[Label, Sequence[str]], Mapping[str, Sequence[str]]]]] = {
    "en": (_EN, _EN_SLOTS),
    "ar": (_AR, _AR_SLOTS),
}


def sentences() -> Iterator[Sentence]:
    """All of them, the same at each call."""
    for language, (templates, slots) in _MADE_OF.items():
        for label, of_label in templates.items():
            for template in of_label:
                for text in _filled(template, slots):
                    yield Sentence(language=language, label=label, text=text)


def _filled(template: str, slots: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """At most ``EACH``, spread evenly over all ways to fill it."""
    names = [name for name in slots if f"{{{name}}}" in template]
    every = list(itertools.product(*(slots[name] for name in names)))
    step = max(1, len(every) // EACH)
    for values in every[::step][:EACH]:
        yield template.format(**dict(zip(names, values, strict=True)))
