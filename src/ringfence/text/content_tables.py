"""What content.py looks for: SHAFT words, shorteners, top-level domains, words for "reply". Data only.

Phrases stand between commas, in the notation of phrases.py. All languages count always.
It must never hold a value that belongs to a person or a line.
"""

from __future__ import annotations

from typing import Final

# The CTIA's "sex, hate, alcohol, firearms, tobacco", with cannabis under the last, as carriers count.
SHAFT: Final[dict[str, str]] = {
    "sex": """
        porn, porno, porn*, xxx video|videos|pics|movies, nsfw, nude, nudes, naked pics|pictures|photos, send nudes, sexting,
        sext, sexy pics|photos|video|videos|singles|girls, sex, horny, escort service|services|girl|girls,
        escorts, call girl|girls, prostitut*, stripper, strippers, strip club, brothel, onlyfans,
        hookup, hookups, hook up tonight, milf, milfs, blowjob*, handjob*, orgasm*, masturbat*,
        dildo*, vibrator*, sex toy|toys, viagra, cialis, erectile, erotic*, fetish*, bdsm, orgy, orgies,
        threesome*, cumshot*, boobs, tits, pussy, dick pic|pics, cock pic|pics, camgirl*, cam girl|girls,
        sexo, desnudos, desnuda, pornograf*, prostituta*, puta, putas, seins nus, plan cul, baise,
        nackt*, nacktbild*, nutte*, bordell*, sexe, pelada, peladas, nudes, puttana, puttane, escort
        """,
    "hate": """
        nigger*, nigga*, faggot*, fag, fags, kike*, spic, spics, chink, chinks, gook*, wetback*,
        raghead*, towelhead*, tranny, trannies, retarded, you|a|fucking|such retard, you retards, nazi, nazis, heil hitler,
        white power|supremacy|supremacist, sieg heil, ku klux klan, kkk, ethnic cleansing, genocide,
        gas the, death to .. jews|muslims|christians|gays|blacks|whites|arabs|immigrants,
        kill .. jews|muslims|gays|blacks|whites|arabs|immigrants,
        maricón, maricones, sudaca*, negrata*, sale|sales|les|un pédé|pédés, youpin*, bougnoul*, kanake*, judensau,
        schwuchtel*, untermensch*, viado, viados, frocio, froci, terrone, terroni
        """,
    "alcohol": """
        alcohol, alcoholic, beer, beers, wine, wines, whiskey, whisky, bourbon, vodka, tequila, rum,
        gin, liquor, liqueur, champagne, prosecco, brandy, cognac, margarita*, mojito*, sangria,
        cocktail, cocktails, happy hour, drink special|specials, brewery, winery, distillery, ipa beer,
        booze, boozy, hard seltzer, keg, kegs, moonshine, cerveza*, vino tinto|blanco|rosado|rosso|bianco, copa|botella|vaso de vino, bicchiere|bottiglia di vino, ron añejo, licor, licores,
        bière*, vin rouge|blanc|rosé, du vin, rhum, alcool, bier, biere, wein, weine, schnaps, sekt, alkohol*,
        cerveja*, vinho*, cachaça, caipirinha*, birra, birre, grappa, spritz, alcolic*, bebida alcohólica|alcoólica
        """,
    "firearms": """
        gun, guns, handgun*, pistol, pistols, rifle, rifles, shotgun*, firearm*, ammo, ammunition,
        revolver*, glock, ar15, ar 15, ak47, ak 47, assault weapon|weapons, machine gun, silencer, suppressor,
        concealed carry, bullets, 9mm, hollow point, gunshow, gun show, weapons, explosives,
        pistola*, fusil, fusiles, escopeta*, armas, arma de fuego|fogo, municiones, munición, arme à feu,
        armes à feu, fusils, munition, munitionen, pistole*, gewehr*, schusswaffe*, waffen, espingarda*,
        munição, munições, fucile, fucili, munizioni, arma da fuoco, armi da fuoco
        """,
    "tobacco": """
        tobacco, cigarette*, cigar, cigars, vape, vapes, vaping, vaporizer*, e cig, e cigs, ecig*, juul,
        nicotine, hookah, shisha, snus, chewing tobacco, zyn, cannabis, marijuana, weed, cbd, thc,
        delta 8, delta8, edible, edibles, gummies thc, dispensary, dispensaries, kush, 420 sale|deals|special, bong, bongs,
        joint of weed, kratom, hashish, tabaco, cigarrillo*, cigarro*, vapeador*, marihuana, un porro, porros, hachís, tabac,
        clope, clopes, vapoteu*, cigarettes, chanvre, tabak, zigarette*, zigarre*, e zigarette*, gras kaufen, cannabisöl,
        maconha, baseado, tabacco, sigaretta, sigarette, sigaro, sigari, spinello, spinelli, erba da fumare
        """,
}

SHAFT_HARMLESS: Final = """
    glue|nail|staple|heat|spray|massage|caulking|price|top|squirt|radar gun|guns, water gun|guns|pistol|pistols, gun metal, jumped the gun, jump the gun, son of a gun,
    ginger beer|ale, root beer, beer batter, wine gums, wine red, rubbing alcohol, alcohol free|wipes|wipe|swab, alcohol based|content, non alcoholic, sin alcohol, sans alcool, ohne alkohol, senza alcool, sem álcool,
    sparkling grape, fruit|shrimp|prawn cocktail|cocktails, molotov cocktail, gin rummy, cotton gin, rum raisin, weed the|killer|whacker|wacker, weed out, tumble weed,
    same|opposite|biological sex, safe sex education, edible flower|flowers|arrangement|arrangements, vin number, flame retardant, security escort, under escort, escort you|us|me|him|her|them to,
    sugar free gummies, bullet points, surge suppressor, ford escort, chink in, pistola de silicona|agua|água|cola, baise main, grammar nazi
    """

# Hosts that only point elsewhere: carriers filter messages with them, whoever owns the target. Left
# out are those that lead to one service's own pages (youtu.be, wa.me): links, but no shorteners.
_shorteners: Final = (
    "bit.ly j.mp bitly.com tinyurl.com tiny.cc tiny.one goo.gl t.co ow.ly is.gd v.gd buff.ly"
    " rebrand.ly rb.gy cutt.ly shorturl.at shorturl.gg shorte.st adf.ly bl.ink bc.vc t.ly s.id u.to"
    " x.co lnkd.in soo.gd clck.ru vk.cc qps.ru t2m.io tr.im snip.ly short.io short.gy short.cm"
    " short.link 1url.com hyperurl.co urlz.fr urlr.me n9.cl acortar.link ity.im q.gs po.st bit.do"
    " mcaf.ee su.pr twurl.nl snipurl.com snurl.com budurl.com cli.gs dlvr.it ift.tt trib.al spr.ly"
    " tny.im kutt.it da.gd chilp.it clk.im 9qr.de gg.gg ouo.io za.gl lc.chat qr.ae qrco.de me-qr.com"
    " tinu.be 2.gp surl.li rlu.ru goo.su kurzelinks.de t1p.de ulvis.net zpr.io shor.by smarturl.it"
    " lnk.to lnk.bio ffm.to geni.us"
)
SHORTENERS: Final = frozenset(_shorteners.split())

# Every two-letter domain of a country or territory, and the general ones people register in numbers.
_COUNTRIES: Final = (
    "ac ad ae af ag ai al am ao aq ar as at au aw ax az ba bb bd be bf bg bh bi bj bm bn bo br bs bt"
    " bw by bz ca cc cd cf cg ch ci ck cl cm cn co cr cu cv cw cx cy cz de dj dk dm do dz ec ee eg er"
    " es et eu fi fj fk fm fo fr ga gd ge gf gg gh gi gl gm gn gp gq gr gs gt gu gw gy hk hm hn hr ht"
    " hu id ie il im in io iq ir is it je jm jo jp ke kg kh ki km kn kp kr kw ky kz la lb lc li lk lr"
    " ls lt lu lv ly ma mc md me mg mh mk ml mm mn mo mp mq mr ms mt mu mv mw mx my mz na nc ne nf ng"
    " ni nl no np nr nu nz om pa pe pf pg ph pk pl pm pn pr ps pt pw py qa re ro rs ru rw sa sb sc sd"
    " se sg sh si sk sl sm sn so sr ss st su sv sx sy sz tc td tf tg th tj tk tl tm tn to tr tt tv tw"
    " tz ua ug uk us uy uz va vc ve vg vi vn vu wf ws ye yt za zm zw"
)
_GENERAL: Final = (
    "com net org edu gov mil int info biz name pro mobi asia tel jobs cat travel post museum aero coop"
    " arpa app dev page web site website online store shop shopping tech technology cloud host hosting"
    " space fun live life world today news media blog press email click link links top xyz club vip win"
    " bid loan loans money cash credit creditcard bank finance financial fund capital exchange trade"
    " trading market markets crypto bet casino poker game games gift gifts sale deals discount promo"
    " buy cheap bargains download stream streaming video movie film music audio photo photos pics"
    " pictures gallery art design graphics studio agency company business services solutions support"
    " help care health healthcare doctor dental hospital clinic pharmacy fit fitness yoga diet beauty"
    " law lawyer attorney legal insurance mortgage estate house homes property rent rentals apartments"
    " realty construction builders plumbing cleaning repair tools garden kitchen furniture food pizza"
    " restaurant cafe bar pub beer wine vodka recipes menu catering coffee kids baby family love dating"
    " sexy sex porn xxx adult cam singles wedding flowers party events tickets show theater tours"
    " vacations holiday flights cruises hotel hotels taxi limo cars car auto autos bike parts systems"
    " network networks digital software computer codes data systems security academy school college"
    " university education training courses institute science engineering energy solar eco green earth"
    " bio farm vet dog cat pet pets horse fish sport sports football soccer tennis golf run racing"
    " rocks ninja guru expert plus one zone center centre city town community social chat forum group"
    " team work works careers consulting management partners ventures holdings gmbh ltd llc inc"
    " limited international global direct express delivery supply supplies equipment industries"
    " productions marketing review reviews report wiki bond icu cyou cfd sbs buzz rest quest monster"
    " hair makeup skin boats yachts autos motorcycles homes lol wtf fail sucks gripe pink"
    " blue red black gold diamonds jewelry watch clothing shoes fashion boutique uno mom dad foo"
    " zip mov nexus prof phd esq how soy new day moe ooo men gay lgbt gdn kim ink wiki accountant"
    " accountants tax date party webcam country cricket rip trust contact bible church faith london paris berlin hamburg koeln cologne wien"
    " tokyo nyc miami vegas boston amsterdam brussels madrid barcelona roma africa quebec paris bzh"
    " corsica alsace eus gal scot wales cymru irish swiss tirol bayern nrw ruhr saarland"
    " istanbul moscow osaka nagoya sydney melbourne capetown joburg durban rio amazon google youtube"
    " apple microsoft bmw audi sky sncf bnpparibas abbott barclays chase citi dhl fedex ups gle goog"
)
# The same in other writing, as far as it is much used.
_ABROAD: Final = (
    "рф рус онлайн сайт орг ком дети москва бел укр мкд срб қаз мон бг ею ευ ελ 中国 中國 公司 网络 香港 台湾"
    " 台灣 新加坡 在线 中文网 网址 网站 集团 政务 公益 商城 商店 移动 我爱你 한국 닷컴 닷넷 삼성 コム みんな ไทย"
    " भारत नेट संगठन বাংলা ভারত இந்தியா இலங்கை భారత్ ભારત ਭਾਰਤ موقع شبكة بازار امارات السعودية مصر ایران"
    " الجزائر المغرب تونس عمان قطر سورية فلسطين پاکستان بھارت გე հայ ישראל"
)
TOP_LEVEL: Final = frozenset(f"{_COUNTRIES} {_GENERAL} {_ABROAD}".split())

# Domains that are words too: "see you there.Is it far?" is a forgotten space, not a link.
_words_too: Final = "am as at be by do es et id in is it la me my no pm re se so to us"
WORDS_TOO: Final = frozenset(_words_too.split())

# What follows the last dot of a file's name and is no domain: "notes.txt/" is no link.
_file_kinds: Final = (
    "txt pdf doc docx xls xlsx ppt csv jpg jpeg png gif mp3 mp4 wav html htm json js"
)
FILE_KINDS: Final = frozenset(_file_kinds.split())

# Forms of "reply" and "send", as normalised. The first ask for an answer and nothing else; after the
# others a keyword counts where it stands out ("send HELP", not "send help").
REPLY: Final = (
    "reply replying responda responde respondan responder repondez repond reponds repondre antworte"
    " antworten antwortet rispondi risponda rispondete rispondere respond txt"
)
SEND: Final = (
    "text answer send type message write envia envie enviar manda mande mandar escribe escriba"
    " escribir contesta conteste contestar envoyez envoie envoyer tapez tape ecrivez ecris sende"
    " senden sendet schick schicke schicken schreib schreibe schreiben tippe tippen digite digita"
    " escreva escreve invia inviare inviate scrivi scriva scrivere scrivete"
)
FILLERS: Final = (
    "with back by just simply only the a word us sie con la el palabra le mot par avec mit dem das"
    " wort einfach nur bitte com parola al sms per via"
)
CONNECTORS: Final = "or and o ou oder e y et und"
# Between a keyword and what answering with it does.
OPENERS: Final = "to for if para por pour um fur zum zur per"
# What each kind of keyword is for: leading there it is nobody else's reply verb.
OUT_PURPOSES: Final = (
    "stop end cancel quit unsubscribe opt optout desinscrire desabonner arreter darse baja detener"
    " parar cancelar abmelden abzumelden abbestellen beenden sair disiscriverti cancellarti annullare"
    " disiscriversi interrompere"
)
HELP_PURPOSES: Final = "help info information assistance support aide aiuto ayuda ajuda hilfe"
IN_PURPOSES: Final = "start resume subscribe rejoin resubscribe restart opt"
# After such a purpose the sentence may go on like this: "to cancel at any time", "to end messages".
FOLLOWERS: Final = (
    "or and o ou oder e y et und out in at any anytime messages message texts msgs sms alerts updates"
    " receiving these this from reply text now mensajes mensagens messaggi nachrichten de recibir"
    " receber recevoir desk"
)
# Words with which people also cancel other things than messages.
EVERYDAY: Final = "cancel end quit remove revoke cancelar parar sair annulla ferma detener info yes"
