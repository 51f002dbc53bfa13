"""Forced topics in Spanish."""

from __future__ import annotations

from typing import Final

_KIN: Final = (
    "madre|padre|mamá|papá|hermano|hermana|hijo|hija|hijos|esposa|esposo|marido|mujer|pareja"
    "|familia|abuelo|abuela|tío|tía|primo|prima|padres|suegra|suegro"
)

PHRASES: Final = {
    "family_conflict": f"""
        divorci*, custodia, pensión alimenticia, pension de alimentos, violencia doméstica,
        violencia de género, orden de alejamiento, terapia de pareja, herencia, deshered*, suegra,
        suegro, exmarido, exesposa, ex marido|mujer|esposa|esposo|pareja, mi|tu|su ex,
        pelea familiar, problema|problemas familiares|familiar,
        pelea|pelear|peleé|discusión|discutir|discutí|discuto con mi|tu|su {_KIN},
        odio|odia|odias a mi|tu|su {_KIN},
        enojado|enojada|enfadado|enfadada|furioso|furiosa con mi|tu|su {_KIN},
        mi|tu|su {_KIN} me|te|le|nos pega|pegó|grita|gritó|odia|echó|maltrata|amenaza|amenazó,
        no me habla, fuera de casa, infidelidad, infiel, me|te|le engañó|engaña|engañado,
        nos separamos, me voy a separar, separarme de, patria potestad
        """,
    "romance": """
        te amo, te quiero, te adoro, te extraño, te echo de menos, mi amor, amor mío, cariño mío,
        mi vida eres, enamor*, cásate conmigo, casarte conmigo, novio, novia, prometido,
        prometida, besos, beso, besarte, besarme, un beso, abrazarte, cita romántica,
        una cita contigo, salir conmigo|contigo, san valentín, romántic*, me gustas,
        estoy loco|loca por ti, terminar con mi|él|ella, romper con mi|él|ella, rompimos, ruptura,
        alma gemela, coquet*, dormir contigo, acostarme|acostarte con|contigo, guapa mía,
        preciosa mía, anillo de compromiso, amante
        """,
    "apology": """
        lo siento, lo sentimos, lo lamento, lo lamentamos, perdón, perdona, perdóname, perdone,
        perdónenos, perdonar, disculpa, disculpas, disculpe, discúlpame, disculpen, mil disculpas,
        me arrepiento, fue mi culpa, es mi culpa, mi culpa, nuestra culpa, mi error,
        nuestro error, me equivoqué, nos equivocamos, no debí, no quise ofender*|herir*,
        lamentamos las|los|el|la
        """,
    "health": f"""
        diagn*, cáncer, tumor, quimioterapia, biopsia, leucemia, diabet*, insulina, asma, epilep*,
        convulsion*, demencia, alzheimer, hospital, hospitaliz*, cirugía, cirujano|cirujana,
        operación de, médico, médica, doctor, doctora, psiquiatr*, psicólog*, terapeuta, terapia,
        ginecólog*, cardiólog*, oncólog*, enfermera, enfermero, clínica, medicamento*, medicina,
        medicación, receta médica, dosis, antibiótico*, antidepresivo*, ibuprofeno, paracetamol,
        vacuna*, síntoma*, infección, contagi*, covid, gripe, fiebre, neumonía, vih, sida,
        embaraz*, aborto, abortar, anticonceptiv*, fertilidad, deprim*, depresión, ansiedad,
        ataque|ataques de pánico|ansiedad, esquizofren*, anorexia, bulimia, adicción, adicto,
        adicta, rehabilitación, recaída, presión arterial, análisis de sangre,
        resultados médicos|de|del, rayos x, resonancia, migraña*, sangrado, vómito*, vomitando,
        diarrea, náusea*, efectos secundarios, alergia*, alérgic*, discapacid*, enfermo, enferma,
        enfermedad*, salud, dentista, dolor de cabeza|espalda|pecho|estómago|muelas, me duele,
        falleció, fallecido, fallecida, fallecimiento, mi|tu|su {_KIN} murió, murió mi|tu|su,
        funeral, pésame, condolencias, coma inducido, cuidados intensivos, baja médica,
        seguro médico
        """,
    "employment": """
        despedido, despedida laboral, despidieron, despedir a|te|lo|la, te despido,
        estás despedido|despedida, despido, despidos, dimisión, dimitir, dimito,
        renuncia al|a|de|mi, renuncié, renunciar, carta de renuncia, finiquito, indemnización,
        preaviso, sueldo, salario*, nómina, aumento de sueldo|salario, horas extra*, ascenso,
        ascendido, oferta de trabajo|empleo, oferta laboral, entrevista de trabajo, contratar*,
        contratado, contratada, evaluación de desempeño, recursos humanos, rrhh,
        mi|tu|su jefe|jefa, compañero|compañera|compañeros de trabajo, empleador, empleado,
        empleada, empleados, desempleo, desempleado, desempleada, acoso laboral, acoso sexual,
        sindicato, huelga, permiso de trabajo, carta de recomendación, baja por maternidad,
        baja laboral, perdí mi|el trabajo|empleo, sin trabajo, periodo de prueba, amonestación,
        el paro, en paro
        """,
    "legal": """
        abogad*, demanda, demandar*, demandado, demandada, demandaré, te demando, denuncia,
        denunciar*, denunciado, denunciaré, juicio, juez, jueza, juzgado, tribunal, tribunales,
        corte suprema, citación judicial, citatorio, testificar, testigo, bajo juramento, fiscal*,
        acusad*, arrest*, detenido por, policía, antecedentes penales, delito*, fianza,
        libertad condicional, condena, condenado, culpable, cárcel, prisión,
        orden de arresto|registro, responsabilidad civil|legal, negligencia, incumplimiento,
        contrato, contratos, legal, legalmente, ilegal*,
        firmar|firma|firmado el|los contrato|acuerdo|papeles, acuerdo extrajudicial,
        poder notarial, notario, testamento, desalojo, desahucio, desalojar*, arrendador,
        derechos de autor, difamación, calumnia*, confidencialidad, inmigración, asilo, visado,
        indocumentad*, ciudadanía, protección de datos, discrimina*, derechos humanos, fraude,
        estafa, acciones legales, acción legal, arbitraje, mediación, multa, mi|el|tu casero,
        deportar*, deportación*, deportad*
        """,
    "complaint": """
        queja, quejas, quejarme, quejarse, me quejo, reclamación, reclamaciones, reclamar,
        reclamo, inaceptable, indignante, indignad*, vergonzoso, pésimo servicio, pésima atención,
        mal|terrible|horrible servicio, mala atención|experiencia, exijo, exigimos, reembolso,
        devolución del|de, devuelvan|devuélvanme|devuélveme mi|el dinero, quiero .. dinero,
        compensación, hablar con .. gerente|encargado|encargada|supervisor|responsable,
        hoja de reclamaciones, consumidor, profeco, mala reseña, reseña negativa, una estrella,
        prensa, periodista, estafa*, estafador*, publicidad engañosa, me mintieron, nos mintieron,
        nunca más volveré|compro|compraré, perder clientes|al cliente, boicot*, harto|harta de,
        incompeten*, un timo
        """,
    "money": """
        préstamo*,
        prestar|prestas|prestame|préstame|prestarme|presta .. dinero|plata|euros|pesos|dólares,
        deuda, deudas, debes|debe|deben|debo .. dinero|euros|pesos|dólares|plata, me debes,
        te debo, pagarte, te pago, pagarme, págame,
        envía|enviar|enviarte|envíame|manda|mandar|mándame|transferir|transfiere .. dinero|plata,
        transferencia, giro postal|bancario, cuenta bancaria, datos bancarios, número de cuenta,
        clabe, iban, tarjeta de crédito|débito, pago vencido|pendiente|atrasado, factura*,
        moroso*, hipoteca, embargo, bancarrota, alquiler atrasado,
        pagar|pago|pagué .. alquiler|renta, fianza del, depósito, invertir, inversión,
        inversiones, inversor*, acciones de, criptomoneda*, bitcoin, paypal, bizum,
        tarjeta|tarjetas de regalo, declaración de la renta, impuesto*, descuento especial,
        negociar .. precio, última oferta, financ*, ahorros, pensión, jubilación, indemnización,
        lotería, has ganado, donar, donación*, apuesta*, casino, soborn*, rescate, chantaj*,
        extors*, dinero, a|con|de|la hacienda
        """,
    "emergency": """
        emergencia, emergencias, urgencia médica, urgencias,
        llama|llamen|llame|llamar .. 112|911|091|policía|ambulancia|bomberos,
        necesito ayuda urgente|ya|ahora|inmediata, ayuda por favor, auxilio, socorro, ayúdenme,
        ayúdame por favor, ambulancia, infarto, ataque al corazón, ataque cardíaco, paro cardíaco,
        derrame cerebral, ictus, no puedo|puede respirar, no respira, dejó de respirar, ahog*,
        asfixi*, atragant*, inconsciente, desmay*, no reacciona, sin pulso, desangr*,
        sangrando mucho, mucha sangre, anafil*, reacción alérgica, sobredosis, envenen*, intoxic*,
        fuga|escape de gas, huele a gas, monóxido, fuego en, incendio, incendiando, en llamas,
        atrapad*, electrocut*, dolor en el pecho, dolor de pecho, accidente, atropell*, apuñal*,
        tiroteo, pistola, arma de fuego, cuchillo en, ladrón|ladrones en, entraron en|a .. casa,
        robando, me robaron, asalt*, secuestr*, rehén, me persiguen, me ataca*, me atacó,
        violación, violó, violaron, abuso sexual, me pega, me pegó, me golpea, me golpeó,
        estrangul*, matarme, matarnos, va a matar*, quiere matar*, voy a matar*,
        peligro de muerte, en peligro, me muero, me estoy muriendo, se muere, se está muriendo,
        niño perdido, niña perdida, desaparecid*, rompí aguas, de parto, contracciones, terremoto,
        inundación, bomba, explosión, explotó, evacu*, disparó, disparo, disparos, disparan,
        disparando, disparar, dispararon, alguien|hombre|tipo|coche .. me sigue|siguen|persigue,
        me está siguiendo, me están siguiendo, me vienen siguiendo
        """,
    "self_harm": """
        suicid*, me mato, matarme, me quiero matar, me voy a matar, quiero morir*,
        quisiera morir*, me quiero morir, ganas de morir*, quitarme la vida, quitarse la vida,
        quitarte la vida, acabar con mi|todo|su|tu|mi vida, acabar con todo, terminar con mi vida,
        terminar con todo, no quiero vivir, no quiero seguir viviendo|así|adelante,
        ya no quiero vivir|estar|seguir, no vale la pena vivir, sin ganas de vivir,
        cansado|cansada de vivir, harto|harta de vivir, mejor muerto|muerta,
        estaría mejor muerto|muerta, estarían mejor sin mí, ojalá estuviera muerto|muerta,
        ojalá no hubiera nacido, desaparecer para siempre, adiós para siempre, adiós mundo cruel,
        no puedo más, ya no aguanto más, no aguanto más, no tengo razones|motivos para vivir,
        autolesi*, autolesión*, hacerme daño, me hago daño, lastimarme, me corto,
        cortarme|cortándome .. venas|brazos|muñecas, cortarme, ahorcarme, ahorcarse, colgarme,
        tirarme|saltar|lanzarme|arrojarme .. puente|balcón|ventana|edificio|tren|metro,
        sobredosis, tomé|tomarme|tomar todas|muchas .. pastillas, pegarme un tiro, mátate, muérete
        """,
}

HARMLESS: Final = """
    salida|salidas|luz|luces|freno|fondo|contacto|número|números|puerta|kit|plan|simulacro de emergencia|emergencias,
    no es una|ninguna emergencia, caso de emergencia,
    me muero de risa|ganas|hambre|sueño|vergüenza|calor|frío, me muero por,
    estoy muriendo de risa, cortarme el|las|un pelo|cabello|uñas,
    pistola de silicona|agua|pintura, bomba de agua|calor|baño|gasolina,
    te quiero ver|decir|preguntar|contar|pedir|mostrar|enseñar|invitar,
    te quiero dar|enviar|mandar, cancha de, muela del juicio, mi amor por, horóscopo cáncer,
    cáncer horóscopo, plata de ley, paro de, se muere de risa|ganas|hambre, se muere por,
    juicio final, vos sos, sos un|una|el|la|muy|lo|de|mi|tan|re|vos|genial
    """
