"""Forced topics in Portuguese, of Brazil and of Portugal."""

from __future__ import annotations

from typing import Final

_KIN: Final = (
    "mãe|pai|mamãe|papai|pais|irmão|irmã|filho|filha|filhos|esposa|esposo|marido|mulher"
    "|companheiro|companheira|família|avó|avô|tio|tia|primo|prima|sogra|sogro"
)
_MY: Final = "meu|minha|meus|minhas|teu|tua|seu|sua|seus|suas|nosso|nossa"

PHRASES: Final = {
    "family_conflict": f"""
        divórcio*, divorciar*, divorciad*, guarda dos filhos, guarda das crianças,
        guarda compartilhada, guarda partilhada, pensão alimentícia, pensão de alimentos,
        violência doméstica, medida protetiva, terapia de casal, herança, deserd*, sogra, sogro,
        ex marido|mulher|esposa|esposo|namorado|namorada, {_MY} ex, briga de família,
        briga familiar, problemas familiares|de família,
        briga|brigar|briguei|discussão|discuti|discutir com {_MY}|o|a {_KIN},
        odeio {_MY}|o|a {_KIN},
        bravo|brava|zangado|zangada|furioso|furiosa|chateado|chateada com {_MY}|o|a {_KIN},
        {_MY} {_KIN} .. bate|bateu|grita|gritou|odeia|expulsou|ameaçou|ameaça,
        expulso|expulsa|expulsou de casa, fugir|fugiu de casa, traição, me traiu,
        traindo|traiu|trair {_MY}|o|a {_KIN}, infidelidade, separação, nos separamos, me separar,
        não fala mais comigo, conselho tutelar
        """,
    "romance": """
        te amo, amo te, amo você, eu amo vc, te adoro, adoro te, saudades|saudade de você|ti|vc,
        sinto sua|tua falta, meu amor, minha vida, meu bem, apaixonad*, apaixonei, casa comigo,
        quer casar comigo, casar contigo, namorado, namorada, namorar, namoro, noivo, noiva,
        noivado, beijo, beijos, beijar*, bjs, um encontro com, encontro romântico, romântic*,
        dia dos namorados, sair comigo, sair contigo, gosto de ti, gosto de você,
        estou a fim de você, terminar o namoro, terminar com ele|ela|meu|minha, terminamos,
        alma gêmea, flertar, paquer*, dormir com você|contigo|comigo, gostosa, gostoso,
        aliança de noivado, amante
        """,
    "apology": """
        desculpa, desculpas, desculpe, desculpem, desculpar, me desculpa, peço desculpa|desculpas,
        pedimos desculpa|desculpas, perdão, perdoa, perdoe, perdoar, me perdoa, sinto muito,
        sentimos muito, lamento, lamentamos, me arrependo, arrependid*, foi culpa minha,
        minha culpa, nossa culpa, culpa nossa, meu erro, nosso erro, foi mal, eu errei,
        nós erramos, não devia ter, não deveria ter, não quis ofender|magoar|te
        """,
    "health": f"""
        diagnóstic*, câncer, cancro, tumor, quimioterapia, biópsia, leucemia, diabet*, insulina,
        asma, epilep*, convuls*, demência, alzheimer, hospital, hospitais, internado, internada,
        cirurgia*, cirurgi*, operação de|do|da, médico, médica, médicos, doutor, doutora,
        psiquiatr*, psicólog*, terapeuta, terapia, ginecolog*, cardiolog*, oncolog*, enfermeiro,
        enfermeira, clínica, remédio*, medicamento*, medicação, medicina, receita médica, dose,
        dosagem, antibiótic*, antidepressiv*, ibuprofeno, paracetamol, dipirona, vacina*,
        sintoma*, infecção*, infeccion*, infeção, contagi*, covid, gripe, dengue, febre,
        pneumonia, hiv, grávida, gravidez, aborto, abortar, anticoncepcion*, fertilidade,
        depressão, deprimid*, ansiedade, crise de pânico|ansiedade, ataque|ataques de pânico,
        esquizofren*, anorexia, bulimia, vício, viciado, viciada, dependência química,
        reabilitação, recaída, pressão arterial|alta, exame de sangue, exames médicos,
        resultado do exame, raio x, ressonância, enxaqueca, sangramento, vômito*, vomitando,
        vomitou, diarreia, enjoo, náusea*, efeitos colaterais, alergia*, alérgic*, deficiência,
        deficiente, doente, doença*, saúde, dentista, dor de cabeça|barriga|dente|estômago,
        dor nas costas, dói, faleceu, falecimento, falecido, falecida, {_MY} {_KIN} morreu,
        morreu {_MY}, funeral, velório, enterro, pêsames, condolências, uti, cuidados intensivos,
        atestado médico, baixa médica, plano de saúde
        """,
    "employment": """
        demitid*, demissão, demitir*, demitiu, despedido, despedida do|da, despedimento,
        pedir demissão, pedi demissão, rescisão, indemnização, aviso prévio, salário*, ordenado,
        holerite, contracheque, folha de pagamento, aumento de salário, aumento salarial,
        horas extras, hora extra, promovid*, promoção no trabalho|a,
        oferta|proposta|vaga de emprego|trabalho, entrevista de emprego|trabalho, contratar*,
        contratado, contratada, contratação, avaliação de desempenho, advertência, justa causa,
        recursos humanos, rh, meu|minha|seu|sua|teu|tua chefe|patrão|patroa|gerente,
        colega|colegas de trabalho, empregador*, empregado, empregada, funcionário*, funcionária*,
        desemprego, desempregad*, seguro desemprego, assédio, sindicato*, greve,
        carteira assinada, carta de recomendação, licença maternidade|paternidade,
        perdi o|meu emprego|trabalho, perdeu o emprego
        """,
    "legal": """
        advogad*, processar, processo contra|judicial|na, processado, processada, vou processar,
        ação judicial, juiz, juíza, juizado, tribunal, tribunais, fórum cível, justiça, intimação,
        intimado, testemunh*, sob juramento, promotor de justiça, ministério público, acusad*,
        prender, prisão, detido, polícia*, policiais, delegacia, boletim de ocorrência,
        antecedentes criminais, crime*, fiança, liberdade condicional, condenad*, culpado,
        culpada, cadeia, mandado de, responsabilidade civil|legal, negligência,
        quebra de contrato, contrato, contratos, legal que assinar, legalmente, jurídic*, ilegal*,
        assinar o|um|os, acordo extrajudicial, procuração, cartório, notário, testamento, despejo,
        despej*, proprietário do imóvel, inquilino*, senhorio, direitos autorais, difamação,
        calúnia*, confidencialidade, imigração, asilo, visto de, indocumentad*, cidadania, lgpd,
        proteção de dados, discrimina*, direitos humanos, fraude, arbitragem, mediação, multa,
        medidas legais, procon, foi|fui|está|estou|ser|sou|são preso|presa|presos, indiciad*,
        deportar*, deportação*, deportad*
        """,
    "complaint": """
        reclamação, reclamações, reclamar, queixa*, inaceitável, vergonhoso, vergonha de serviço,
        indignad*, péssimo, péssima, horrível atendimento|serviço,
        mau|mal atendimento|atendida|atendido, exijo, exigimos, reembols*, devolução do|de,
        devolvam|devolva|quero .. dinheiro, estorno, indenização, compensação,
        falar com .. gerente|responsável|supervisor|encarregado, procon, reclame aqui,
        livro de reclamações, avaliação negativa, uma estrela, imprensa, jornalista*, golpista*,
        burla, enganad*, enganaram, propaganda enganosa, publicidade enganosa, mentiram,
        nunca mais compro|volto|comprar, perder clientes|o|um, boicot*,
        cansado|farto|farta|cansada de, incompeten*, um|no golpe, um absurdo
        """,
    "money": """
        empréstimo*, emprestar|empresta|emprestado|emprestada .. dinheiro|reais|euros|grana,
        me empresta, dívida*, devendo, deve|devo|deves|devem .. dinheiro|reais|euros|grana,
        me deve, te devo, te pago, pagar te|você, me pagar, me paga,
        manda|mande|mandar|envia|envie|enviar|transferir|transfere|deposita|deposite .. dinheiro|reais|euros|grana|pix,
        transferência*, conta bancária, dados bancários, número da conta, agência e conta, iban,
        cartão de crédito|débito, boleto*, pagamento atrasado|pendente|vencido,
        atrasado pagamento, fatura*, nota fiscal, cobrança*, hipoteca, penhora, falência,
        nome sujo, serasa, aluguel, renda da casa, caução, depósito, sinal pago, investir,
        investimento*, investidor*, ações da bolsa, bolsa de valores, criptomoeda*, bitcoin,
        paypal, mb way, mbway, cartão|cartões presente, imposto*, receita federal, finanças,
        negociar .. preço, última oferta, financ*, poupança, economias, aposentadoria,
        reforma antecipada, loteria, lotaria, você ganhou, doação, doações, doar, aposta*,
        cassino, casino, suborn*, propina, resgate, chantag*, extors*, dinheiro, grana,
        fazer|faz|faça|mandar|manda|mande|chave|um|por|via pix
        """,
    "emergency": """
        emergência*, urgência*, samu,
        chama*|chame*|liga|ligue|ligar .. 190|192|193|112|911|polícia|ambulância|bombeiros|samu,
        preciso de ajuda urgente|agora|já|imediata, socorro, me ajuda por, me ajude por,
        me ajudem, ajudem me, ajuda por favor, ajuda urgente, ambulância, bombeiros, infarto,
        enfarte, ataque cardíaco, parada cardíaca, derrame, avc, não consigo|consegue respirar,
        não respira, parou de respirar, asfixi*, engasg*, sufoc*, inconsciente, desmai*,
        não reage, sem pulso, sangrando muito, muito sangue, hemorragia, anafil*, reação alérgica,
        overdose, envenen*, intoxic*, vazamento de gás, fuga de gás, cheiro de gás, cheiro a gás,
        monóxido, pegando fogo, em chamas, incêndio*, fogo na|no|em, preso no|na|dentro|em,
        afogando, afogar, afogou, eletrocut*, choque elétrico, dor no peito, acidente*, atropel*,
        esfaque*, facada*, tiroteio, baleado, baleada, arma de fogo, pistola, invadiram,
        invasão de|da, ladrão na|no|em|dentro, assalt*, roubaram, roubado, sequestr*, raptad*,
        refém, estão me seguindo, me perseguindo, me atac*, estupr*, violação, violada,
        abuso sexual, abusad*, me bate, me bateu, me batendo, estrangul*, me matar, te matar,
        matar ele|ela|você|alguém, vai me matar, ameaça de morte, perigo de vida, correndo perigo,
        em perigo, estou morrendo, está morrendo, estou a morrer, criança desaparecida,
        desaparecid*, bolsa estourou, trabalho de parto, contrações, terremoto, enchente,
        inundação, bomba, explosão, explodiu, evacu*, um tiro, tiros,
        alguém|homem|cara|carro .. me seguindo|perseguindo, fiquei|ficando|ficou sem ar
        """,
    "self_harm": """
        suicíd*, suicid*, me matar, matar me, me mato, mato me, vou me matar, quero morrer,
        queria morrer, quero me matar, vontade de morrer, tirar a|minha própria|minha|vida,
        tirar minha vida, tirar a própria vida, acabar com tudo, acabar com a minha vida,
        acabar com minha vida, dar fim à|a|na minha vida, pôr fim à vida,
        não quero mais viver|existir|estar, não quero viver, já não quero viver,
        cansado|cansada|farto|farta de viver, não aguento mais, não vale a pena viver,
        sem vontade de viver, sem razão para viver, melhor morto|morta,
        preferia estar morto|morta, queria estar morto|morta, melhor sem mim, nunca ter nascido,
        não ter nascido, sumir para|pra sempre, desaparecer para|pra sempre, adeus para sempre,
        adeus a todos, adeus mundo cruel, automutil*, autolesã*, me machucar, me cortar, me corto,
        cortar os pulsos, cortando os pulsos, me enforcar, enforcar me,
        me jogar|atirar|pular|saltar .. ponte|prédio|janela|varanda|trem|metrô, pular da ponte,
        overdose, tomei|tomar todos|todas|muitos|vários .. comprimidos|remédios|pílulas,
        dar um tiro na, carta de despedida, se mata, te mata, se mate, me odeio,
        sem|nenhum motivo para viver
        """,
}

HARMLESS: Final = """
    saída|saídas|luz|luzes|freio|travão|contato|contatos|contacto|número|números|porta|kit|plano|fundo|botão de emergência|emergências,
    não é uma|nenhuma emergência|urgência, caso de emergência|urgência, sem urgência,
    com urgência, morrendo de rir|fome|sono|calor|frio|vergonha|saudade|saudades|vontade,
    a morrer de rir|fome|sono|calor|frio, me cortar o cabelo|as unhas,
    matar a|o saudade|saudades|fome|tempo|sede, não aguento mais esperar|de|rir|este|esse|comer,
    pistola de água|cola, bomba de água|gasolina|chocolate, preso no trânsito, câncer signo,
    signo de câncer, golpe de sorte|mestre|vista, despedida de solteiro|solteira
    """
