"""Sentences that no template made and nothing was fitted to: what the model card's measures are of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from server.features.safety.screening.sentences import Label, Language, Sentence

_EN: Final[dict[Label, str]] = {
    "toxic": """
        you absolute imbecile, learn to read
        people as dense as you should not vote
        crawl back under your rock, freak
        I swear I will smash your teeth in
        somebody should run you over with a truck
        you are the dumbest person I have ever seen
        nobody would miss you if you were gone
        your kids are going to be as ugly as you
        such a disgusting human being
        go jump off a bridge
        we do not want your kind in this country
        they breed like vermin and must be removed
        shut the hell up you clueless jerk
        what an ugly cow she is
        you filthy scum
        I am going to slap that stupid grin off you
        these savages should be sent back where they came from
        your whole existence is a joke
        dumbass, you know nothing
        I hope you get cancer
        quit streaming, everyone thinks you are garbage
        you lying piece of crap
        hey fatso, stop eating
        wish I could strangle you
        this asshole again
        you're a creep and a coward
        go to hell and never come back
        trash human, trash opinions
        you look like a pig in that dress
        I know where your kids go to school, be careful
    """,
    "spam": """
        cheap sunglasses 90% off, order today at www.shades.example
        I made 3000 euros last week with this trading bot, ask me how
        get your free robux here rbx.example
        want more subscribers? we sell real ones from 2 dollars
        claim your airdrop before midnight at coin.example
        work from home and earn daily, no experience, text me
        hey dear, visit my page for private videos
        guaranteed betting tips, join the VIP channel
        you were selected as today's winner, open the link to receive your voucher
        sub4sub anyone? I always return
        buy cheap viagra without prescription
        your parcel could not be delivered, pay the fee here post.example
        new crypto token, 100x soon, don't miss it
        get verified badge for only 20 dollars, contact us
        fast loans, bad credit no problem, apply now
        replica handbags, free shipping worldwide, www.bags.example
        free v-bucks generator working 2026
        boost your channel with our promotion packages
        earn passive income with forex signals, link below
        visit my website for the best deals on mattresses
    """,
    "positive": """
        such a cosy evening with all of you
        your painting took my breath away
        that solo gave me goosebumps
        thanks for explaining it so patiently
        what a legend, happy birthday!
        I'm dying, this is hilarious
        holy cow that was an incredible save
        best community on the internet
        you made my week, take care
        delicious, my kids loved it
        this track slaps
        can't stop smiling
        so grateful for your help yesterday
        wow, gorgeous sunset
        you nailed it, well played
    """,
    "negative": """
        my knee hurts and I could not sleep
        the picture freezes every ten seconds, annoying
        I expected more from the sequel
        we lost the final, heartbroken
        that joke was not funny
        the food was cold and expensive
        I miss my grandmother
        this lag is driving me nuts
        your review misses the point completely
        the delivery came two weeks late
        damn, I broke my phone
        what an awful day at work
        this level is so unfair
        honestly I think the plot was dumb
        prices are out of control
    """,
    "neutral": """
        see you in the second half
        which microphone do you use?
        the library closes at nine
        I'm making soup for dinner
        does this work on Linux?
        he shot the arrow and hit the target
        my dog barks at the postman
        the exam is in two weeks
        can someone repeat the question
        they killed the lights before the concert
        turn left after the bridge
        I watched it on my phone
        three players were on the bench
        the documentary about pigs was on yesterday
        how long should it bake?
        we donate what remains to the school
        the link to the slides is in the description
        she bought a used car
        my brother studies in Cairo
        is the replay available?
        what time zone is that?
        I deleted the old branch
        the dictator died in 1953
        the weather forecast says rain
        please vote in the poll
    """,
}
_AR: Final[dict[Label, str]] = {
    "toxic": """
        يا لك من أبله، تعلم القراءة
        أنت أغبى شخص رأيته في حياتي
        سأحطم أسنانك
        ليتك لم تولد
        لا نريد أمثالك في بلدنا
        أنت إنسان مقيت وكريه
        ارم نفسك من فوق الجسر
        يا زبالة
        تبا لك ولمن رباك
        أنت كاذب وجبان ونذل
        هم حشرات ويجب التخلص منهم
        يا سمين توقف عن الأكل
        سأقتلك إذا رأيتك
        انقلعي يا قبيحة
        عقلك فارغ يا جاهل
        الله ياخذك
        يا متخلف
        أتمنى أن يصيبك السرطان
        كل من يشبهك يجب أن يرحل
        يا عديم الشرف
        صوتك مثل صوت الحمير
        انت مريض نفسي ومقرف
        يا قليل الأدب يا سافل
        وجهك يجيب الغثيان
        انطم ولا تتكلم يا بهيمة
    """,
    "spam": """
        نظارات شمسية بخصم تسعين بالمئة، اطلب من www.shades.example
        ربحت ثلاثة آلاف يورو بهذا الروبوت، اسألني كيف
        شدات ببجي مجانا من هنا uc.example
        تريد متابعين حقيقيين؟ الأسعار تبدأ من دولارين
        اعمل من المنزل بدون خبرة واكسب يوميا
        تم اختيارك فائزا اليوم، افتح الرابط لاستلام القسيمة
        توصيات مراهنات مضمونة، انضم إلى القناة الخاصة
        لم نتمكن من تسليم طردك، ادفع الرسوم هنا post.example
        عملة رقمية جديدة ستتضاعف مئة مرة لا تفوت الفرصة
        توثيق الحساب بعشرين دولار فقط تواصل معنا
        تمويل سريع بدون ضامن قدم الآن
        حقائب تقليد أول والشحن مجاني
        زوروا موقعي لأفضل العروض
        نشر إعلانات وزيادة مشاهدات بأقل سعر
        دخل إضافي من توصيات الفوركس والرابط بالأسفل
    """,
    "positive": """
        أمسية جميلة معكم جميعا
        لوحتك تخطف الأنفاس
        شكرا على صبرك في الشرح
        عيد ميلاد سعيد يا أسطورة
        ضحكت من قلبي
        لذيذة جدا، أولادي أحبوها
        أحلى مجتمع
        ممتن لمساعدتك أمس
        غروب ساحر
        أبدعت والله
        ما أروع هذا الصوت
        ألف مبروك النجاح
    """,
    "negative": """
        ركبتي تؤلمني ولم أنم
        الصورة تتجمد كل عشر ثوان
        توقعت أفضل من الجزء الثاني
        خسرنا النهائي وقلبي مكسور
        لم تكن النكتة مضحكة
        الطعام بارد وغال
        أشتاق إلى جدتي
        وصل الطلب متأخرا أسبوعين
        كسرت هاتفي
        يوم متعب في العمل
        المرحلة صعبة وغير عادلة
        الأسعار مرتفعة جدا
    """,
    "neutral": """
        أراكم في الشوط الثاني
        أي ميكروفون تستخدم؟
        المكتبة تغلق عند التاسعة
        أطبخ شوربة للعشاء
        هل يعمل على لينكس؟
        أطلق السهم وأصاب الهدف
        الامتحان بعد أسبوعين
        هل يمكن أن تعيد السؤال
        انعطف يسارا بعد الجسر
        شاهدته على هاتفي
        ثلاثة لاعبين على الدكة
        رابط الشرائح في الوصف
        اشترت سيارة مستعملة
        أخي يدرس في القاهرة
        متى الإعادة؟
        حذفت الفرع القديم
        توقعات الطقس تقول مطر
        صوتوا في الاستفتاء من فضلكم
        الكلب ينبح على ساعي البريد
        كم دقيقة في الفرن؟
    """,
}
_SETS: Final[dict[Language, dict[Label, str]]] = {"en": _EN, "ar": _AR}


def held_out() -> Iterator[Sentence]:
    for language, labels in _SETS.items():
        for label, lines in labels.items():
            for line in lines.strip().splitlines():
                yield Sentence(language=language, label=label, text=line.strip())
