"""Forced topics in Italian. Elided articles need no entry of their own ("l'avvocato" is "avvocato")."""

from __future__ import annotations

from typing import Final

_KIN: Final = (
    "madre|padre|mamma|papà|babbo|genitori|fratello|sorella|figlio|figlia|figli|moglie|marito"
    "|compagno|compagna|famiglia|nonna|nonno|zio|zia|cugino|cugina|suocera|suocero"
)
_MY: Final = "mio|mia|miei|mie|tuo|tua|tuoi|suo|sua|suoi"

PHRASES: Final = {
    "family_conflict": f"""
        divorzi*, affidamento dei|del|figli|condiviso, assegno di mantenimento,
        mantenimento dei figli, violenza domestica, ordine restrittivo, terapia di coppia,
        eredità, disered*, suocera, suocero, suoceri,
        ex marito|moglie|ragazzo|ragazza|fidanzato|fidanzata|compagno|compagna, {_MY} ex,
        lite familiare, litigio in famiglia, problemi familiari|di famiglia|in famiglia,
        litigato|litigare|litigo|litigio con {_MY}|i {_KIN}, odio|odia|odi {_MY}|i {_KIN},
        arrabbiato|arrabbiata|furioso|furiosa con {_MY}|i {_KIN},
        {_MY}|i {_KIN} .. picchia|picchiato|picchiata|urla|odia|cacciato|cacciata|minaccia|minacciato|minacciata,
        cacciato|cacciata|buttato|buttata|scappato|scappata|scappare di|da|fuori casa, tradimento,
        mi tradisce, mi ha tradito|tradita, tradire|tradito|tradita {_MY} {_KIN}, infedel*,
        ci separiamo, separazione, mi sto separando, non mi parla più, assistenti sociali
        """,
    "romance": """
        ti amo, tamo, ti voglio bene, tvb, ti adoro, mi manchi, amore mio, tesoro mio, innamorat*,
        innamorar*, sposami, vuoi sposarmi, fidanzat*, il mio ragazzo, la mia ragazza, bacio,
        baci, baciarti, baciami, baciato, baciata, bacini, appuntamento romantico|galante,
        romantic*, san valentino, uscire con me|te, uscire insieme, mi piaci, pazzo|pazza di te,
        colpo di fulmine,
        lasciare|lasciato|lasciata il|la|mio|mia ragazzo|ragazza|fidanzato|fidanzata,
        ci siamo lasciati, rottura con, anima gemella, flirt*, dormire con te|me, dormire insieme,
        letto con te|me, anello di fidanzamento, amante
        """,
    "apology": """
        mi dispiace, ci dispiace, scusa, scusami, scusi, scusate, scusaci, mi scusi, mi scuso,
        ci scusiamo, scuse, le mie scuse, chiedo scusa, chiediamo scusa, chiedere scusa,
        perdonami, perdonaci, perdonate, mi perdoni, rammarico, mi rammarico,
        sono mortificato|mortificata, colpa mia, è colpa mia, colpa nostra, errore mio,
        mio errore, nostro errore, ho sbagliato, abbiamo sbagliato, mi pento, non avrei dovuto,
        non volevo offend*|ferir*, spiacente, spiacenti, ti perdono, perdono per, chiedo perdono
        """,
    "health": f"""
        diagnos*, cancro, tumore, tumori, chemioterapia, chemio, biopsia, leucemia, diabet*,
        insulina, asma, epiles*, epilett*, convulsion*, demenza, alzheimer, ospedale, ospedali,
        ricoverat*, ricovero, chirurg*, intervento al|alla|chirurgico, medico, medici, medica,
        dottore, dottoressa, psichiatr*, psicolog*, terapeuta, terapia, ginecolog*, cardiolog*,
        oncolog*, infermier*, clinica, medicina, medicine, medicinale, medicinali, farmaco,
        farmaci, ricetta medica, dose, dosaggio, antibiotic*, antidepressiv*, ibuprofene,
        paracetamolo, tachipirina, vaccin*, sintomo, sintomi, infezione, infezioni, contagi*,
        covid, influenza, febbre, polmonite, hiv, incinta, gravidanza, aborto, abortire,
        contraccett*, fertilità, depression*, depresso, depressa, ansia,
        attacco|attacchi di panico|ansia, schizofren*, anoressi*, bulimi*, dipendenza da,
        tossicodipend*, riabilitazione, ricaduta, pressione alta|arteriosa|sanguigna,
        esami|analisi del sangue, referto, radiografia, risonanza, emicrania, sanguinamento,
        vomito, vomitato, vomitando, diarrea, nausea, effetti collaterali, allergi*, disabil*,
        malato, malata, malattia, malattie, salute, dentista,
        mal di testa|pancia|schiena|gola|denti|stomaco, mi fa male, dolori al|alla, è morto,
        è morta, {_MY} {_KIN} è morto|morta|mancato|mancata, decedut*, decesso,
        scompars* di|prematura, lutto, funerale, condoglianze, terapia intensiva, rianimazione,
        certificato medico, visita medica
        """,
    "employment": """
        licenzi*, dimission*, dimettermi, mi dimetto, preavviso, liquidazione, tfr, stipendio,
        stipendi, busta paga, paga oraria, aumento di stipendio, chiedere un aumento,
        straordinari, straordinario pagato, promosso a, promossa a, promozione a|al lavoro,
        offerta|proposta di lavoro, colloquio di lavoro, colloquio, assumere, assunto, assunta,
        assunzione, assunzioni, valutazione delle prestazioni, richiamo scritto|disciplinare,
        lettera di richiamo, risorse umane, ufficio personale,
        mio|tuo|suo|mia|tua|sua capo|superiore|responsabile, collega, colleghi, colleghe,
        datore di lavoro, dipendente, dipendenti, impiegat*, disoccupa*, cassa integrazione,
        mobbing, molestie, sindacato, sindacati, sciopero, permesso di lavoro,
        lettera di raccomandazione|referenze, maternità, paternità, congedo,
        perso il|mio lavoro|posto, periodo di prova
        """,
    "legal": """
        avvocat*, causa legale|civile|contro, fare causa, faccio causa, denuncia, denunce,
        denunciar*, denunciato, denunciata, denuncio, querela*, processo penale|civile|contro,
        giudice, giudici, tribunale, tribunali, corte dappello, citazione in giudizio,
        sotto giuramento, procuratore, accusato di, accusata di, imputat*, arrest*, polizia,
        carabinieri, precedenti penali, fedina penale, reato, reati, cauzione, libertà vigilata,
        condannat*, condanna, colpevol*, carcere, prigione, galera, mandato di, perquisizion*,
        responsabilità civile|legale|penale, negligenza, inadempi*, contratto, contratti, legale,
        legali, legalmente, illegal*, firmare|firma|firmato il|un|i, accordo stragiudiziale,
        diffida, notaio, testamento, sfratt*, padrone di casa, locatore, diritto dautore,
        diritti dautore, diffamazione, calunni*, riservatezza, immigrazione, espuls*,
        asilo politico, permesso di soggiorno, visto di, clandestin*, cittadinanza, gdpr,
        protezione dei dati, discrimina*, diritti umani, frode, truffa, azioni legali, vie legali,
        arbitrato, mediazione, multa, la procura, procura notarile|speciale, testimone, testimoni,
        testimonianz*
        """,
    "complaint": """
        reclam*, lamentela, lamentele, lamentarmi, mi lamento, inaccettabil*, vergognos*,
        vergogna, indecente, scandalo*, deluso da|dal, delusa da|dal, pessimo, pessima,
        servizio orribile|scadente|terribile, esigo, rimbors*, restituzione, indietro i .. soldi,
        ridatemi .. soldi, voglio .. soldi|rimborso|risarcimento, risarciment*,
        parlare con .. responsabile|direttore|direttrice|capo|manager, associazione consumatori,
        tutela consumatori, codacons, recensione negativa|pessima, una stella, giornalist*,
        truffa*, truffator*, imbrogli*, fregatura, pubblicità ingannevole, mentito,
        mai più da|comprerò|compro, perdere clienti|il|un, boicott*, stufo di, stufa di,
        stanco di questo, incompeten*, alla stampa
        """,
    "money": """
        prestito, prestiti, prestare|presti|prestami|prestarmi|prestato .. soldi|euro|denaro,
        mi presti, debito, debiti, devi|deve|devo|devono .. soldi|euro|denaro, mi devi, ti devo,
        ti pago, pagarti, pagarmi, pagami,
        mandami|mandare|manda|invia|inviare|inviami|trasferire .. soldi|euro|denaro, bonifico,
        bonifici, conto corrente|bancario, coordinate bancarie, numero di conto, iban,
        carta di credito|debito, postepay, scaduto pagamento, pagamento scaduto|arretrato|in,
        fattura, fatture, bolletta scaduta, recupero crediti, ipoteca, mutuo, pignora*,
        fallimento, bancarotta, affitto, caparra, acconto, deposito cauzionale, investire,
        investimento, investimenti, investitor*, azioni in borsa, borsa valori, criptovalut*,
        bitcoin, paypal, satispay, carta regalo, carte regalo, buono regalo, tasse, tassa,
        agenzia delle entrate, dichiarazione dei redditi,
        trattare|contrattare|negoziare .. prezzo, ultima offerta, finanz*, risparmi, pensione,
        lotteria, hai vinto, donazione, donazioni, donare, scommess*, casinò, tangent*, mazzetta,
        riscatto, ricatt*, estorsion*, soldi, denaro
        """,
    "emergency": """
        emergenza, emergenze, urgenza medica, pronto soccorso,
        chiama*|chiami|chiamare|chiamate .. 112|113|115|118|polizia|ambulanza|carabinieri|pompieri|vigili,
        ho bisogno di aiuto urgente|subito|adesso|ora, bisogno di aiuto, aiuto per favore,
        aiuto vi prego, aiuto subito, aiutatemi, aiutami per favore, aiutami ti prego, ambulanza,
        infarto, attacco di cuore, attacco cardiaco, arresto cardiaco, ictus, non respira,
        non respiro, ha smesso di respirare, soffoc*, priv* di sensi, svenut*, incosciente,
        non reagisce, senza polso, sanguina molto, perde sangue, molto sangue, emorragia, anafil*,
        reazione allergica, overdose, avvelena*, intossic*, fuga di gas, odore di gas,
        puzza di gas, monossido, va a fuoco, in fiamme, incendio, incendi, intrappolat*, annega*,
        folgorat*, dolore al petto, dolori al petto, incidente, investito da, investita da,
        accoltell*, coltellat*, sparato, sparano, spari, sparatoria, pistola, arma da fuoco,
        ladro|ladri in|dentro|nel, sono entrati in, rapina*, aggredi*, aggressione, sequestr*,
        ostaggio, mi insegue, mi attacca*, stupr*, violentat*, violenza sessuale, abusi sessuali,
        mi picchia, mi ha picchiato|picchiata, strangol*, uccidermi, ucciderlo, ucciderla,
        ucciderti, ucciderci, ti uccido, ti ammazzo, lo ammazzo, vuole|vuol uccid*|ammazz*,
        ammazzarmi, ammazzarti, minacce di morte, minaccia di morte, pericolo di vita|morte,
        in pericolo, sto morendo, sta morendo, bambino scomparso, bambina scomparsa, scomparso da,
        si sono rotte le acque, rotte le acque, contrazioni, travaglio, terremoto, alluvione,
        bomba, esplosione, esploso, esplosa, evacua*, rapito, rapita, rapiti, rapimento,
        non riesco|riesce a respirare, qualcuno|uomo|tizio|macchina .. segue|seguono|seguendo,
        mi stanno seguendo
        """,
    "self_harm": """
        suicid*, uccidermi, mi uccido, ammazzarmi, mi ammazzo, voglio morire, vorrei morire,
        vorrei essere morto|morta, voglia di morire, togliermi la vita, togliersi la vita,
        tolgo la vita, farla finita, la faccio finita, finire la mia vita,
        non voglio più vivere|esserci|esistere, non voglio vivere, stanco|stanca di vivere,
        stufo|stufa di vivere, non ha senso vivere, senza motivo|ragione|ragioni di|per vivere,
        meglio morto|morta, meglio senza di me, meglio se morissi, mai essere nato|nata,
        non essere mai nato|nata, sparire per sempre, scomparire per sempre, addio a tutti,
        addio mondo crudele, addio per sempre, non ce la faccio più, non ne posso più,
        autolesion*, farmi del male, mi faccio del male, ferirmi, tagliarmi, mi taglio,
        tagliarmi le vene, impiccarmi, mi impicco,
        buttarmi|gettarmi|saltare|lanciarmi|buttare .. ponte|balcone|finestra|treno|tetto|metro|palazzo,
        overdose,
        preso|prendere|ingoiato tutte|troppe|tutti|troppi .. pastiglie|pillole|farmaci|medicine,
        spararmi, lettera di addio|daddio, ammazzati, ucciditi, impiccati, mi odio,
        più|senza|nessuna voglia di vivere, nessun|senza motivo per vivere,
        porre|mettere fine alla mia|sua|vita, porre|mettere fine a tutto
        """,
}

HARMLESS: Final = """
    nessuna emergenza, caso di emergenza, morire dal ridere,
    sto morendo di|dal fame|sonno|caldo|freddo|ridere|noia|voglia,
    sta morendo di|dal fame|sonno|caldo|freddo|ridere|voglia, tagliarmi i capelli,
    tagliarmi le unghie, mi taglio i capelli, mi taglio le unghie, pistola ad acqua,
    pistola a spruzzo, bomba di cioccolato, ammazzare il tempo, segno del cancro, cancro oroscopo,
    oroscopo cancro,
    uscita|uscite|luce|luci|freno|contatto|contatti|numero|numeri|kit|piano|fondo|pulsante|corsia di emergenza|emergenze,
    uscita|uscite|luce|luci|freno|numero|corsia emergenza, non è emergenza
    """
