"""The words and phrases by which people stop, start or ask about messages, one table per language.

Data only; keywords.py decides. Everything is written as normalised there: lower case, no accents,
no apostrophes, hyphens as spaces. A new language is one entry in each table.
It must never hold a phrase that ordinary talk with an agent contains ("the bus stop").
"""

from __future__ import annotations

from typing import Final

# Union of the documented lists (compliance 4.1): Twilio (REVOKE, OPTOUT), Telnyx (STOP ALL),
# Plivo (UNSUB), FCC 47 CFR 64.1200(a)(10) (OPT OUT, REVOKE), AWS (REMOVE, TD, ARRET).
# Where one source has a word and the others lack it, the word counts: a needless opt-out is undone
# with START, a missed one is unlawful.
OPT_OUT: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        "stop",
        "stopall",
        "stop all",
        "unsubscribe",
        "unsub",
        "cancel",
        "end",
        "quit",
        "revoke",
        "optout",
        "opt out",
        "remove",
        "td",
    ),
    # ARRETT is the misspelling in Twilio's own list.
    "fr": ("arret", "arrett", "arrete", "arretez", "arreter"),
    "es": ("alto", "parar", "baja", "detener", "cancelar", "no mas"),
    "pt": ("parar", "sair", "cancelar"),
    "de": ("stopp", "abmelden"),
    "it": ("ferma", "annulla"),
}

# Three words of Plivo's list are left out on purpose: GO, RESUME and RESUME ALL are what one says
# to an agent in the middle of a task, and consent must not return by accident.
OPT_IN: Final[dict[str, tuple[str, ...]]] = {"en": ("start", "unstop")}

# Twilio and Plivo lift their block on YES. It is also the usual answer to a question, an approval
# included, so it counts only where the caller says that the provider handles it or an opt-in waits.
OPT_IN_YES: Final[dict[str, tuple[str, ...]]] = {"en": ("yes",)}

# INFO is Twilio's and Plivo's; AIDE and AYUDA are ours, for countries where those are customary.
HELP: Final[dict[str, tuple[str, ...]]] = {
    "en": ("help", "info"),
    "fr": ("aide",),
    "es": ("ayuda",),
}

# Said around a definite word without changing its meaning: "please stop", "stop, thanks".
COURTESIES: Final[tuple[str, ...]] = (
    *("please", "pls", "plz", "kindly", "thanks", "thank you", "thx", "ty", "ok", "okay", "hey"),
    *("hi", "hello", "sir", "madam", "so", "i said", "just", "now", "right now", "already"),
    *("immediately", "asap", "sil vous plait", "svp", "merci", "por favor", "porfa", "gracias"),
    *("obrigado", "obrigada", "bitte", "danke", "sofort", "per favore", "grazie", "subito"),
)

# Just before a phrase, these turn it into its opposite: "please don't stop texting me".
NEGATIONS: Final = ("dont", "do not", "didnt", "did not", "never", "not", "wont", "cant", "cannot")

_SENT: Final = (
    r"(?:texts?|messages?|msgs?|sms|spam|alerts?|reminders?|notifications?|calls?|updates?)"
)
_ME: Final = r"(?:me|us|this (?:number|phone)|my (?:number|phone|cell)|here|again|any ?more)"
_RUDE: Final = (
    r"(?:f+u+c+k\w*|f u|fck\w*|wtf|shit\w*|bullshit|damn|goddamn|the hell|bitch\w*|asshole\w*)"
)

# Patterns over the normalised words, our rule for the FCC's "any reasonable means" (compliance 4.1):
# a match is held for a person, never acted on alone.
SUSPECTED: Final[dict[str, tuple[str, ...]]] = {
    "en": (
        r"stop (?:texting|messaging|sending|contacting|calling|writing|emailing|bothering|spamming"
        r"|harassing|pestering|bugging|annoying|doing this)",
        rf"stop (?:(?:with|all|of|the|these|those|this|your|any|sending) )*{_SENT}",
        r"^(?:\w+ ){0,2}stop (?:it|this|that|everything|all of (?:it|this|them))(?: \w+)?$",
        r"(?:leave|let) (?:me|us) (?:alone|be)",
        r"(?:wrong|incorrect) (?:number|person|phone)",
        r"(?:do not|dont|never|no longer|quit) (?:ever )?(?:contact\w*|messag\w*|spam\w*)",
        rf"(?:do not|dont|never|no longer|quit) (?:ever )?(?:text\w*|call\w*|writ\w*|email\w*|msg) (?:to )?{_ME}",
        r"(?:remove|delete|drop|take) (?:me|us|my (?:name|number|phone)|this number)",
        r"unsubscrib\w*",
        r"opt(?:ing)? (?:me |us )?out",
        r"(?:revoke|withdraw|rescind)\w* (?:my |all |any )*(?:consent|permission|authori[sz]ations?)",
        r"no more " + _SENT,
        rf"(?:do not|dont|didnt|did not|never) (?:want|wish|ask|agree|consent|sign up)\w* (?:\w+ ){{0,4}}{_SENT}",
        r"(?:i )?(?:want|would like|id like) (?:off|out)(?: of| from)?(?: this| the| your)?(?: list)?$",
        r"who(?: is|s| are|re)? (?:this|dis)(?: please| number| texting)?$",
        r"not interested",
        r"lose (?:my|this) number",
        r"cease and desist",
        r"(?:report|block|su)(?:ing|e)? (?:you|this number|as spam)",
        r"this is (?:spam|harassment|a scam)",
        r"^(?:go away|get lost|piss off|buzz off|shut up)",
        rf"{_RUDE} off",
        rf"{_RUDE} (?:\w+ ){{0,6}}stop|stop (?:\w+ ){{0,6}}{_RUDE}",
    ),
    "fr": (
        r"arret\w+ (?:d\w*|les?|ces|vos|tout)",
        r"(?:ne )?(?:m|me |nous )(?:ecri\w+|contact\w+|appel\w+|envo\w+|texto\w+) plus",
        r"laiss\w+ (?:moi|nous) (?:tranquille|en paix)",
        r"(?:mauvais|faux) numero",
        r"plus de (?:messages?|sms|textos?)",
        r"(?:me |m)?desabonn\w+|(?:me |m)?desinscri\w+",
        r"retir\w+ moi",
        r"qui (?:est ce|etes vous)$",
    ),
    "es": (
        r"(?:ya )?no me (?:escrib\w+|mand\w+|envi\w+|llam\w+|contact\w+)",
        r"dej\w+ de (?:escrib\w+|mand\w+|envi\w+|llam\w+|contact\w+|molest\w+)",
        r"dej\w+ en paz",
        r"numero equivocado",
        r"(?:ya )?no (?:quiero|deseo) (?:mas |recibir |sus )*(?:mensajes|textos|sms)",
        r"no mas (?:mensajes|textos|sms)",
        r"dar(?:me)? de baja",
        r"quien (?:es|eres)$",
    ),
    "pt": (
        r"par\w+ de (?:me )?(?:mandar|enviar|escrever|ligar|contat\w+|incomodar)",
        r"nao me (?:mand\w+|envi\w+|ligu\w+|escrev\w+|contat\w+)",
        r"deix\w+ em paz|me deix\w+ em paz",
        r"numero errado",
        r"nao quero (?:mais |receber |suas )*mensagens",
        r"me (?:remov\w+|descadastr\w+)|remova me",
        r"quem e$",
    ),
    "de": (
        r"keine (?:nachrichten|sms) mehr",
        r"lass\w* (?:sie )?mich in ruhe",
        r"falsche nummer",
        r"(?:schreib\w*|ruf\w*|kontaktier\w*) (?:sie )?(?:mich|mir) nicht",
        r"nicht mehr (?:schreiben|anrufen|kontaktieren)",
        r"hor\w* (?:sie )?auf",
        r"wer (?:ist das|sind sie|bist du)$",
    ),
    "it": (
        r"smett\w+",
        r"non (?:mi )?(?:scriv\w+|contatt\w+|chiam\w+|mand\w+) piu|non (?:scriv|contatt|chiam)\w*mi",
        r"lasci\w*mi in pace",
        r"numero sbagliato",
        r"basta (?:messaggi|sms)",
        r"(?:cancella|rimuovi|togli)\w*mi",
        r"chi (?:e|sei)$",
    ),
}

# The first letters of words without which a text matches none of a tongue's patterns above, so that
# they need not be tried; most texts have none. Whoever adds a pattern adds the opening of a word it
# always holds; a test draws texts from every pattern and looks.
OPENING_LENGTH: Final = 3
OPENINGS: Final[dict[str, str]] = {
    "en": "sto lea let wro inc con mes spa tex cal wri ema msg rem del dro tak uns opt rev wit res "
    "sms ale not upd off out who int los des rep blo sui sue su har sca awa shu",
    "fr": "arr plu lai num des mde ret qui",
    "es": "no dej equ baj qui",
    "pt": "par nao dei err rem des que",
    "de": "meh las fal nic hor wer",
    "it": "sme non las sba bas can rim tog chi",
}

# Signs that mean "stop" by themselves; the first one counts inside a sentence too.
STOP_SIGN: Final = "\U0001f6d1"
REFUSING_SIGNS: Final = frozenset({STOP_SIGN, "\u26d4", "\U0001f6ab", "\U0001f595", "\u270b"})

# Cyrillic and Greek letters which a phone keyboard offers in place of the Latin ones.
HOMOGLYPHS: Final = str.maketrans(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0442\u043d\u043c\u043a\u0432"
    "\u03bf\u03b1\u03c1\u03c4\u03bd\u03b9\u03ba",
    "aeopcyxsitnmkvoaptvik",
)
