"""Forced topics in French. Elided articles need no entry of their own ("l'avocat" is "avocat")."""

from __future__ import annotations

from typing import Final

_KIN: Final = (
    "mère|père|maman|papa|frère|sœur|fils|fille|femme|mari|conjoint|conjointe|enfants|enfant"
    "|famille|parents|oncle|tante|cousin|cousine|mamie|papi"
)

PHRASES: Final = {
    "family_conflict": f"""
        divorc*, garde des enfants, garde alternée, garde partagée, pension alimentaire,
        violence|violences conjugale|conjugales|domestique, ordonnance de protection,
        thérapie de couple, héritage, déshérit*, belle mère, beau père, belle famille,
        ex femme|mari|conjoint|compagne|compagnon, mon|ton|son ex, dispute de|familiale|avec,
        disputé|disputer|dispute|engueulé|engueulée|bagarre avec mon|ma|mes|ton|ta|son|sa {_KIN},
        déteste|hais mon|ma|mes {_KIN}, en colère|froid contre|avec mon|ma|mes|ton|ta {_KIN},
        mon|ma|mes|ton|ta {_KIN} me|te|nous frappe|frappent|crie|déteste|menace|maltraite|tape,
        ma|mis|mise|mettre à la porte, ne me parle plus, ne nous parlons plus, infidèle,
        infidélité, trompé|trompée|trompe avec, ma|mon {_KIN} ma|me trompé|trompée|trompe,
        nous nous séparons, on se sépare, me séparer de, autorité parentale,
        problème|problèmes familial|familiaux, problèmes de famille, la|une succession
        """,
    "romance": """
        je taime, jtaime, je t aime, je vous aime, tu me manques, mon amour, mon cœur, ma chérie,
        mon chéri, chérie, amoureux, amoureuse, épouse moi, veux tu mépouser, petit ami,
        petite amie, copain, copine, fiancé, fiancée, bisou, bisous, embrasse, embrasser,
        un baiser, baisers, rendez vous amoureux|galant, dîner romantique, romantique*,
        saint valentin, sortir avec moi|toi, tu me plais, fou|folle de toi, coup de foudre,
        rompre avec, rupture, on a rompu, âme sœur, dragu*, dormir|coucher avec toi|moi,
        bague de fiançailles, amant
        """,
    "apology": """
        désolé, désolée, désolés, désolées, pardon, pardonne, pardonne moi, pardonnez,
        pardonnez moi, pardonner, excuse moi, excusez moi, excusez nous, mes excuses, nos excuses,
        mexcuse, nous nous excusons, toutes mes|nos excuses, présente|présentons .. excuses,
        je regrette, nous regrettons, navré, navrée, cest ma faute, ma faute, notre faute,
        mon erreur, notre erreur, je me suis trompé|trompée, jai eu tort, je naurais pas dû
        """,
    "health": f"""
        diagnosti*, cancer, tumeur*, chimio*, biopsie, leucémie, diabèt*, diabét*, insuline,
        asthme, épilep*, convulsion*, démence, alzheimer, hôpital, hôpitaux, hospitalis*,
        chirurgi*, opération du|de la, médecin*, docteur, psychiatr*, psychologue*, thérapeute,
        thérapie, gynécolog*, cardiolog*, oncolog*, infirmier, infirmière, clinique, médicament*,
        ordonnance, posologie, antibiotique*, antidépresseur*, ibuprofène, paracétamol, doliprane,
        vaccin*, symptôme*, infection*, contagi*, covid, grippe, fièvre, pneumonie, vih, sida,
        enceinte, grossesse, avortement, avorter, ivg, fausse couche, contracepti*, fertilité,
        déprim*, dépression, anxiété, crise dangoisse, crise d angoisse, schizophrén*, anorexi*,
        boulimi*, addiction, toxicoman*, désintoxication, tension artérielle,
        prise|analyse de sang, irm, scanner médical, radio du|de la, migraine*, saignement*, vomi,
        vomit, vomissement*, diarrhée, nausée*, effets secondaires, allergi*, handicap*, malade,
        malades, maladie*, santé, dentiste, mal au ventre|dos|cœur, mal à la tête|gorge, jai mal,
        décédé, décédée, décès, mon|ma|ton|ta {_KIN} est mort|morte, enterrement, obsèques,
        condoléances, soins intensifs, soins palliatifs, réanimation, arrêt maladie,
        mutuelle santé
        """,
    "employment": """
        licenci*, viré de|du, été viré|virée, se faire virer, fait virer,
        vous êtes|tes viré|virée, démission*, indemnité*, préavis, salaire*, fiche de paie,
        bulletin de paie, augmentation de salaire, demander une augmentation,
        heures supplémentaires, promotion au|interne, promu, promue, offre demploi,
        offre d emploi, proposition dembauche, entretien dembauche, entretien d embauche,
        embauch*, recrut*, entretien annuel, évaluation annuelle, avertissement écrit,
        faute grave, ressources humaines, drh,
        mon|ton|son|ma|ta patron|patronne|chef|cheffe|manager|supérieur, collègue*, employeur*,
        employé, employée, employés, chômage, chômeur*, pôle emploi, prudhommes, prud hommes,
        harcèlement, en grève, la grève, permis de travail, lettre de recommandation,
        congé maternité|paternité|parental, perdu mon|son|ton travail|emploi|boulot,
        période dessai, rupture conventionnelle, cdi, cdd, syndicat, syndicats
        """,
    "legal": """
        avocate, avocats, avocates, mon|ton|son|notre|votre|un|des avocat, lavocat, davocat,
        avocat au|en, procès, poursui* en justice, poursuites, porter plainte, porte plainte,
        plainte contre|pour, déposer plainte, juge, jugement, tribunal, tribunaux, prudhommes,
        assignation, convocation au, témoign*, témoin*, sous serment, procureur, inculp*,
        accusé de|dun, arrêté par, garde à vue, gendarme*, casier judiciaire, délit*, condamn*,
        coupable*, prison, mandat darrêt, perquisition, responsabilité civile|juridique|légale,
        négligence, rupture de contrat, contrat, contrats, légal*, illégal*, juridique*,
        signer le|les|un, règlement amiable, mise en demeure, procuration, notaire, testament,
        expuls*, bailleur, propriétaire du logement, droits dauteur, diffamation, confidentialité,
        immigration, asile, titre de séjour, visa de, sans papiers, naturalisation, rgpd,
        données personnelles, discrimin*, droits de lhomme, fraude, huissier, action en justice,
        arbitrage, médiation, amende, la|une|de|sous caution, la police
        """,
    "complaint": """
        réclamation*, plainte, plaintes, me plaindre, plaindre, mécontent*, inacceptable,
        inadmissible, scandaleux, scandale, honteux, déçu|déçue|déçus par|de|du,
        service déplorable|nul|lamentable|catastrophique|horrible, mauvais service,
        mauvaise expérience, exige, exigeons, remboursement*, rembours*, rendez moi .. argent,
        dédommage*, indemnisation, parler au|à responsable|directeur|manager|gérant|un|votre|la,
        répression des fraudes, dgccrf, association de consommateurs, mauvais avis, avis négatif,
        une étoile, journaliste*, arnaqu*, escroqu*, publicité mensongère, menti,
        plus jamais chez|je, perdre un|le|des client|clients, boycott*, marre de, incompéten*,
        la presse
        """,
    "money": """
        emprunt*, prêt bancaire|immobilier|personnel, prêter|prête|prêtez .. argent|euros,
        prête moi, dette*, me dois|doit|devez, te dois|doit, dois .. euros|argent,
        payer|paie|paye .. toi|moi|te, te payer, me payer, te rembourser,
        envoie|envoyer|envoyez|vire|virer|transférer .. argent|euros, virement*, western union,
        compte bancaire|en banque, coordonnées bancaires, numéro de compte, iban, impayé*,
        retard de paiement, facture*, recouvrement, hypothèque, saisie, faillite, surendett*,
        loyer, acompte, dépôt de garantie, investir, investissement*, investisse*,
        actions en bourse, bourse, cryptomonnaie*, crypto, bitcoin, paypal, lydia,
        carte|cartes cadeau|cadeaux, impôt*, déclaration de revenus, fisc, trésor public,
        négocier .. prix, dernière offre, financ*, épargne, retraite, loterie, vous avez gagné,
        faire un don, donation*, pari|paris sportif|sportifs, casino, pot de vin, rançon,
        chantage, extorsion, argent, carte bancaire|bleue, carte de crédit,
        mon|ton|son|votre|un rib, un crédit, crédit immobilier|bancaire
        """,
    "emergency": """
        urgence, urgences, samu,
        appelle|appelez|appeler .. 15|17|18|112|police|pompiers|ambulance|secours, au secours,
        à laide, à l aide, aidez moi, aide moi vite|sil|stp|svp,
        besoin daide urgente|immédiate|maintenant, pompiers, ambulance, crise cardiaque,
        infarctus, arrêt cardiaque, avc, mal à respirer, ne respire plus|pas, respire plus|pas,
        étouff*, inconscient*, évanoui*, sans connaissance, hémorragie, perd beaucoup,
        saigne beaucoup, beaucoup de sang, anaphyla*, réaction allergique, overdose, surdose,
        empoisonn*, intoxi*, fuite de gaz, odeur de gaz, ça sent le gaz, monoxyde, au feu, en feu,
        y a le feu, le feu à|au|dans|chez, incendie*, coincé|coincée dans|sous, noyade, se noie,
        électrocut*, douleur thoracique, renversé|renversée par, poignard*,
        coup|coups de couteau|feu, tir|tire|tiré sur, fusillade, arme à feu, pistolet, cambriol*,
        effraction, quelquun est chez|dans, kidnapp*, enlevé|enlevée|enlèvement, otage*, viol,
        violé, violée, violer, il me frappe, me bat, mont frappé|frappée, ma|me frappé|frappée,
        étrangl*, me tuer, te tuer, le tuer, la tuer, les tuer, va tuer, veut tuer,
        menace de mort, menaces de mort, danger de mort, en danger, je meurs, train de mourir,
        va mourir, enfant disparu, disparu depuis, perdu les eaux, contractions, accouche*,
        séisme, tremblement de terre, inondation, bombe, explosion, explosé, évacu*,
        narrive|arrive|narrives|arrives pas|plus à respirer, peux|peut pas|plus respirer,
        douleur à|dans la poitrine, un|grave|gros accident,
        accident de voiture|route|moto|travail, agression*, agressé, agressée, magresse,
        besoin d aide urgente|immédiate|maintenant,
        quelquun|homme|type|voiture .. me suit|suivent, me suit depuis|partout
        """,
    "self_harm": """
        suicid*, me tuer, me suis tué|tuée, envie de mourir, veux mourir, voudrais mourir,
        veux plus vivre, veux pas vivre, ne veux plus vivre|être, plus envie de vivre, en finir,
        mettre fin à tout, fin à mes jours, marre de vivre, marre de la vie,
        fatigué|fatiguée de vivre, mieux mort|morte, mieux sans moi, voudrais être mort|morte,
        jaurais préféré ne, jamais né|née, disparaître pour|à toujours|jamais, adieu à tous,
        adieu monde cruel, plus la force de vivre|continuer, nen peux plus, n en peux plus,
        automutil*, scarifi*, me scarifier, me faire du mal, me fais du mal, me blesser,
        me couper les, mouvrir les veines, ouvrir les veines, me pendre, se pendre,
        sauter du|dun|de .. pont|immeuble|balcon|toit|falaise, sous un|le train|métro, overdose,
        avalé|avaler|pris|prendre tous|toute|toutes|trop|beaucoup .. médicaments|cachets|pilules|boîte,
        me tirer une balle, tirer une balle, tue toi, je me déteste, mettre fin à mes|ses jours,
        mettre fin à ma|sa vie, plus|pas envie de vivre, plus|aucune|pas|pas de raison de vivre,
        plus de raison de vivre, vaut pas la peine de vivre|continuer,
        vaut pas la peine dêtre vécue, va te pendre|tuer|crever, va crever,
        me jeter sous|du|dun|dans|par|devant, préfère|préférerais|aimerais mourir, je vais mourir
        """,
}

HARMLESS: Final = """
    sortie de secours, roue de secours, issue de secours, issues de secours, escalier de secours,
    pas une urgence, mourir de rire|faim|soif|froid|chaud|honte|ennui,
    je meurs de rire|faim|soif|envie|chaud|froid, mort|morte de rire|faim|peur,
    me couper les cheveux|ongles, tuer le temps, bombe à eau, bombe de bain, pistolet à eau|colle,
    cancer horoscope, horoscope cancer, au feu rouge|vert|tricolore, au feu de camp,
    court de tennis, chef de cuisine, copie de secours,
    sortie|sorties|issue|frein|contact|contacts|numéro|éclairage|éclairages|trousse|fonds|bouton|arrêt|cas urgence,
    sortie|contact|contacts|numéro|cas d urgence, salade|toast|toasts|jus avocat
    """
