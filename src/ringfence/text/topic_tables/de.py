"""Forced topics in German. Umlauts are found written either way ("Kündigung", "Kuendigung")."""

from __future__ import annotations

from typing import Final

_KIN: Final = (
    "mutter|vater|mama|papa|mutti|vati|eltern|bruder|schwester|sohn|tochter|frau|mann|partner"
    "|partnerin|familie|oma|opa|onkel|tante|kinder|kind|schwiegermutter|schwiegervater"
)
_MY: Final = "mein|meine|meinem|meiner|meinen|dein|deine|deinem|deiner|deinen|sein|seine|seinem|seiner|ihr|ihre|ihrem|ihrer"

PHRASES: Final = {
    "family_conflict": f"""
        scheidung*, scheiden lassen, geschieden, sorgerecht*, unterhalt zahlen|für,
        unterhaltszahlung*, häusliche gewalt, häuslicher gewalt, kontaktverbot, eheberatung,
        paartherapie, familientherapie, familienstreit, familiendrama, erbe, erbschaft*,
        erbstreit, enterb*, schwiegermutter, schwiegereltern, exmann, exfrau,
        ex mann|frau|freund|freundin, {_MY} ex,
        streit|gestritten|streite|zoff|krach mit {_MY} {_KIN}, hasse {_MY} {_KIN},
        wütend|sauer auf {_MY} {_KIN},
        {_MY} {_KIN} .. schlägt|geschlagen|hasst|bedroht|angeschrien, aus dem haus geworfen,
        rausgeworfen, rausgeschmissen, von zu hause weggelaufen|abgehauen|ausgerissen, fremdgeh*,
        fremdgegangen, betrügt mich, hat mich betrogen, trennen uns, getrennt von|leben, trennung,
        redet nicht mehr mit, jugendamt, pflegefamilie, eine affäre
        """,
    "romance": """
        liebe dich, liebe euch, lieb dich, hdl, ild, hab dich lieb, vermisse dich, vermiss dich,
        mein schatz, schatzi, liebling, verliebt, heirate mich, willst du mich heiraten, verlobt,
        verlobung*, verlobte, freundin von|ist, feste freundin, mein|dein freund und, küss*, kuss,
        küsse, kuscheln, romantisch*, valentinstag, date mit, ein date, rendezvous,
        mit mir ausgehen, mit dir ausgehen, steh auf dich, stehe auf dich, schluss machen,
        schluss gemacht, trennung, seelenverwandt*, flirt*, mit dir schlafen, mit mir schlafen,
        sexy, tinder, liebesbrief, liebeskummer
        """,
    "apology": """
        entschuldig*, tut mir leid, tut uns leid, tut mir so|sehr|wirklich|echt leid,
        tut uns sehr leid, es tut mir .. leid, sorry, verzeih*, verzeihung, pardon,
        bitte um verzeihung|entschuldigung|nachsicht, bedauer*, bereue, meine schuld,
        unsere schuld, mein fehler, unser fehler, ich lag falsch, hätte ich nicht,
        hätte nicht sollen|dürfen, wollte dich nicht verletzen, vergib mir
        """,
    "health": f"""
        diagnos*, krebs, tumor*, chemotherapie, chemo, biopsie, leukämie, diabet*, insulin,
        asthma, epilep*, krampfanfall*, demenz, alzheimer, krankenhaus*, klinik*, spital,
        chirurg*, arzt, ärztin, ärzte, arzttermin*, arztpraxis, hausarzt*, zahnarzt*, facharzt*,
        frauenarzt*, psychiater*, psychiatri*, psycholog*, therapeut, therapeutin, therapeuten,
        therapie*, krankenschwester, medikament*, medizin*, arznei*, rezept vom|für, dosis,
        dosierung, antibioti*, antidepressiva, schmerzmittel, ibuprofen, paracetamol, impf*,
        symptom*, infektion*, infiziert, ansteck*, covid*, corona*, grippe, fieber,
        lungenentzündung, hiv, schwanger*, fehlgeburt*, abtreib*, verhütung*, depress*,
        angststörung*, panikattacke*, burnout, schizophren*, magersucht, bulimie, suchtkrank*,
        drogensucht, alkoholsucht, entzug, rückfall, blutdruck, bluttest, blutwerte, laborwerte,
        befund*, röntgen*, mrt, migräne, blutung*, erbrechen, erbrochen, durchfall, übelkeit,
        nebenwirkung*, allergi*, behinder*, krank, kranke, kranker, krankheit*, krankgeschrieben,
        krankschreibung, krankenkasse, gesundheit*, schmerzen, bauchschmerzen, rückenschmerzen,
        kopfschmerzen, zahnschmerzen, verstorben, gestorben, verstarb, {_MY} {_KIN} ist tot,
        todesfall, beerdigung, beileid, intensivstation, palliativ*, hospiz, pflegeheim,
        pflegegrad, operiert, operieren, operation am|im|und|ist, die|eine|der operation,
        op termin
        """,
    "employment": """
        gekündigt, kündig*, entlassen, entlassung*, gefeuert, rausschmiss, abmahnung*, abfindung*,
        gehalt, gehalts*, lohn, löhne, lohnerhöhung, lohnabrechnung, überstunden, beförder*,
        jobangebot*, stellenangebot*, arbeitsvertrag, arbeitsplatz, vorstellungsgespräch*,
        bewerbung*, bewerbungsgespräch*, einstell* dich|sie|ihn, mitarbeitergespräch*,
        leistungsbeurteilung*, personalabteilung, personalrat, betriebsrat, mein chef,
        meine chefin, dein chef, deine chefin, ihr chef, unser chef, vorgesetzt*, kolleg*,
        arbeitgeber*, arbeitnehmer*, angestellt*, arbeitslos*, arbeitsamt, arbeitsagentur,
        jobcenter, arbeitserlaubnis, arbeitszeugnis, mobbing, belästig*, gewerkschaft*, streik,
        streiken, mutterschutz, elternzeit, probezeit, job verloren, arbeit verloren, krankmeld*
        """,
    "legal": """
        anwalt, anwältin, anwälte, anwalts*, rechtsanwalt*, rechtsanwält*, klage, klagen gegen,
        verklag*, klageschrift, gericht, gerichts*, gerichtlich*, richter, richterin,
        prozess gegen, strafverfahren, verfahren gegen, vorladung, zeuge, zeugin, zeugenaussage,
        unter eid, staatsanwalt*, anzeige erstatten, strafanzeige*, angezeigt, anklage*, verhaft*,
        festgenommen, polizei*, vorstrafe*, vorbestraft, straftat*, kaution, bewährung,
        verurteil*, schuldig gesprochen, gefängnis, haftbefehl, durchsuchungs*, haftung, haftbar,
        fahrlässig*, vertragsbruch, vertrag, verträge, vertraglich*, rechtlich*, rechtsstreit*,
        rechtsschutz*, rechtsweg, rechtsmittel, rechtswidrig*, rechtskräftig*, rechtsberat*,
        unterschreib* .. vertrag|mietvertrag, vergleich vor, unterlassungs*, vollmacht*, notar*,
        testament*, zwangsräumung*, räumungs*, vermieter*, mieterschutz, urheberrecht*, verleumd*,
        üble nachrede, verschwiegenheit*, einwander*, aufenthaltstitel, aufenthaltserlaubnis,
        asyl*, abschieb*, visum, einbürger*, dsgvo, datenschutz*, diskriminier*, menschenrechte,
        betrug, betrogen, legal, illegal*, mahnbescheid, schlichtung*, mediation, bußgeld,
        strafbar, schadensersatz*
        """,
    "complaint": """
        beschwer*, inakzeptabel, unzumutbar, unverschämt*, frechheit, skandal*, enttäuscht von,
        schlechter service, schlechten service, miserabl*, schrecklicher service, verlange,
        fordere, rückerstatt*, erstattung*, geld zurück, entschädig*, schadensersatz,
        mit .. vorgesetzten|chef|geschäftsführer|leiter sprechen, verbraucherzentrale,
        verbraucherschutz, schlechte bewertung|rezension, negative bewertung|rezension, ein stern,
        journalist*, abzocke, abgezockt, betrüger*, betrug, irreführend*, angelogen,
        nie wieder bei|kaufen|bestellen, kunden verlieren|verloren, boykott*, die nase voll,
        schnauze voll, inkompeten*, zumutung, reklamation*, reklamier*, die|zur|der presse
        """,
    "money": """
        darlehen, kredit*,
        geld leihen|geliehen|schicken|überweisen|senden|schulden|brauche|bekommen,
        leih* mir|dir .. geld|euro, schulden, schuldest, schuldet mir|dir|uns|ihnen,
        schulde dir|ihnen|euch, verschuldet, zahle dir|ihnen|euch, bezahle dich|sie,
        zahl* .. zurück, schick*|send*|überweis* .. geld|euro|betrag, überweisung*, überweis*,
        western union, bankkonto, bankverbindung, kontonummer, kontodaten, iban, kreditkarte*,
        ec karte, offene rechnung, rechnung*, mahnung*, zahlungserinnerung, zahlungsverzug,
        überfällig*, inkasso*, hypothek*, pfänd*, insolven*, pleite, schufa, miete, mietschulden,
        mietrückstand, kaution, anzahlung*, aktien, börse, krypto*, bitcoin, paypal,
        geschenkkarte*, gutscheinkarte*, steuer, steuern, steuererklärung, finanzamt,
        preis verhandeln, letztes angebot, finanz*, ersparnisse, sparkonto, rente, altersvorsorge,
        lotto*, gewonnen haben sie, sie haben gewonnen, spende*, wetten, casino, bestech*,
        lösegeld, erpress*, geldwäsche, geld, investier*, investition*, investment*, investor*
        """,
    "emergency": """
        notfall, notfälle, notruf*, notarzt*, notaufnahme, rettungswagen, rettungsdienst,
        krankenwagen,
        ruf|rufe|rufen|ruft|wähl|wähle|wählen|alarmier* .. 112|110|polizei|feuerwehr|notarzt|krankenwagen|rettungswagen|hilfe,
        brauche|brauchen .. hilfe sofort|dringend|schnell, dringend|sofort|schnell hilfe,
        hilfe bitte|schnell|sofort, zu hilfe, helft mir, helfen sie mir, hilf mir bitte,
        herzinfarkt*, herzstillstand, schlaganfall*, keine luft, atme|atmet nicht|mehr,
        nicht atmen, nicht mehr atmen, erstick*, bewusstlos*, ohnmächtig, kein puls, verblut*,
        blutet stark|sehr|viel, viel blut, anaphyla*, allergische reaktion, allergischer schock,
        überdosis, vergift*, gasleck, gasgeruch, riecht nach gas, kohlenmonoxid, feuer im|in,
        es brennt, brennt in|im|das|die|unser, wohnung brennt, haus brennt, hausbrand,
        wohnungsbrand, feuerwehr, eingeklemmt, eingeschlossen, ertrink*, stromschlag,
        brustschmerz*, schmerzen in der brust, unfall*, überfahren, angefahren, messerstich*,
        niedergestochen, erstochen, erschossen, angeschossen, schießerei, schüsse, pistole,
        schusswaffe, messer in der hand, einbrech*, eingebrochen, einbruch, überfall*, ausgeraubt,
        entführ*, geisel*, werde verfolgt, verfolgt mich, angegriffen, greift mich an,
        vergewaltig*, missbrauch*, missbraucht, schlägt mich, hat mich geschlagen, würgt mich,
        gewürgt, umbringen, bringt mich|uns|sie|ihn um, bring*|bringe dich|ihn|sie um, töten,
        ermord*, morddrohung*, todesgefahr, lebensgefahr*, in gefahr, ich sterbe, stirbt,
        im sterben, kind vermisst, kind ist weg|verschwunden, fruchtblase, wehen, erdbeben,
        hochwasser, überschwemm*, bombe, bombendrohung, explosion*, explodiert, evakuier*,
        verfolgt mich jemand, jemand verfolgt mich
        """,
    "self_harm": """
        selbstmord*, suizid*, selbstmörd*, freitod, mich umbringen, mich umzubringen,
        bringe mich um, bring mich um, umbringen will ich mich, mich töten, mir das leben nehmen,
        das leben nehmen, leben zu nehmen, mein leben beenden, leben beenden, dem leben ein ende,
        ein ende setzen, will sterben, möchte sterben, wäre lieber|am tot|besser, lieber tot,
        wäre ich tot, besser tot, tot sein, nicht mehr leben, nicht mehr weiterleben,
        will nicht mehr leben|hier|sein|da, nicht mehr da sein, nicht mehr hier sein,
        kann nicht mehr, keinen sinn mehr, keinen grund zu leben, lebensmüde,
        ohne mich besser dran, besser ohne mich, nie geboren, wär nie geboren,
        für immer verschwinden|weg, lebt wohl, leb wohl, abschiedsbrief, alles beenden,
        allem ein ende, selbstverletz*, mich verletzen, mich selbst verletzen,
        ritze|ritzen|geritzt mich|mir, mich ritzen, mich ritze, pulsadern,
        aufhängen will mich|ich, mich aufhängen|erhängen, erhängen, mich erschießen,
        mir die kugel geben,
        von|vor der|die|den|einer|einem brücke|zug|balkon|dach|hochhaus springen|werfen|springe|werfe,
        vor den zug, von der brücke, überdosis, zu viele|alle tabletten|pillen,
        tabletten geschluckt|genommen, bring dich um, erhäng dich, hasse mich,
        will nicht mehr weiter|weitermachen|aufwachen
        """,
}

HARMLESS: Final = """
    notausgang, notfall kontakt|kontakte|plan|nummer|nummern|kit|koffer|set|übung, kein notfall,
    für den notfall, im notfall, ich sterbe vor|fast, sterbe vor lachen|hunger|langeweile|hitze,
    stirbt vor lachen|hunger,
    kann nicht mehr warten|kommen|teilnehmen|sehen|finden|öffnen|genau|vor,
    kann nicht mehr lachen, sternzeichen krebs, krebs sternzeichen, feuer im kamin|grill,
    toten hosen
    """
