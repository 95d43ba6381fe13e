"""What DICOM headers call machines and parts of the body, and the plain English for it.

The words of the standard (PS3.3 C.7.3.1.1.1; PS3.16 Annex L, CID 4030 and 4031 with their old and new SNOMED codes) and
some that clinics write in their own language. What is not here is unknown: it rules nothing out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from medview.core.texts import Text

# What a picture is, by its modality; parts of the body are put behind ("an X-ray of the hand").
MODALITIES = {
    code: words
    for codes, words in (
        ("CR DX DR RG XR", Text("an X-ray")),
        ("MG", Text("a mammogram")),
        ("MA", Text("an MR angiogram")),
        ("XA DS", Text("an angiogram")),
        ("CF DF RF VF", Text("a fluoroscopy picture")),
        ("CT", Text("a CT")),
        ("MR", Text("an MR")),
        ("MS", Text("an MR spectrum")),
        ("US BDUS DD CD", Text("an ultrasound picture")),
        ("IVUS", Text("an ultrasound picture from inside a vessel")),
        ("EC", Text("an echocardiogram")),
        ("NM ST", Text("a nuclear medicine picture")),
        ("PT", Text("a PET picture")),
        ("BI", Text("a magnetic particle picture")),
        ("BMD", Text("a bone density picture")),
        ("IO", Text("a dental X-ray")),
        ("PX", Text("a panoramic X-ray of the teeth")),
        ("ES", Text("an endoscopic picture")),
        ("CP", Text("a colposcopic picture")),
        ("LP", Text("a laparoscopic picture")),
        ("GM CYTO DM CFM", Text("a microscopic picture")),
        ("SM HISTO", Text("a microscope slide")),
        ("OP FS", Text("a photo of the eye")),
        ("FA", Text("an angiogram of the eye")),
        ("OPT OPTBSV OPTENF", Text("an OCT of the eye")),
        ("OPM", Text("a map of the eye")),
        ("OPV", Text("a visual field")),
        ("OAM AR KER LEN SRF VA IOL", Text("a measurement of the eye")),
        ("OPR", Text("a refraction of the eye")),
        ("OCT", Text("an optical coherence tomogram")),
        ("IVOCT", Text("an optical coherence tomogram from inside a vessel")),
        ("OSS", Text("a scan of a surface")),
        ("M3D", Text("a model for manufacturing")),
        ("TG", Text("a thermogram")),
        ("LS", Text("a laser scan")),
        ("DG", Text("a diaphanogram")),
        ("XC", Text("a photo")),
        ("DMS", Text("a dermoscopic photo")),
        ("ECG", Text("an electrocardiogram")),
        ("EPS", Text("an electrophysiological record")),
        ("EEG", Text("an electroencephalogram")),
        ("EMG", Text("an electromyogram")),
        ("EOG", Text("an electro-oculogram")),
        ("HD", Text("a record of blood pressure")),
        ("RESP", Text("a record of breathing")),
        ("POS", Text("a record of position")),
        ("AU", Text("sound")),
        ("DOC", Text("a document")),
        ("SR", Text("a structured report")),
        ("PR", Text("a presentation state")),
        ("KO", Text("a list of key images")),
        ("SEG", Text("a segmentation")),
        ("REG", Text("a registration")),
        ("FID", Text("a set of marks")),
        ("ANN", Text("a set of annotations")),
        ("PLAN", Text("a plan")),
        ("RTIMAGE", Text("a radiotherapy picture")),
        ("RTDOSE", Text("a radiotherapy dose")),
        ("RTSTRUCT RTSEGANN", Text("a set of radiotherapy contours")),
        ("RTPLAN RTRAD RTINTENT", Text("a radiotherapy plan")),
        ("RTRECORD", Text("a radiotherapy record")),
        ("SMR", Text("a relationship of stereotactic pictures")),
        ("TEXTUREMAP", Text("the surface of a model")),
        ("STAIN", Text("a report of staining")),
        ("RWV", Text("a table of values")),
        ("AS", Text("an angioscopic picture")),
        ("CS", Text("a cystoscopic picture")),
        ("PA", Text("a photoacoustic picture")),
        ("ASMT", Text("an assessment")),
        ("CTPROTOCOL", Text("a protocol of a CT")),
        ("XAPROTOCOL", Text("a protocol of an angiogram")),
        ("HC", Text("a hard copy")),
        ("OT", Text("a picture")),
        ("SC", Text("a secondary capture")),
    )
    for code in codes.split()
}

# What the UIDs of storage classes begin with (PS3.4 B.5).
STORAGE = "1.2.840.10008.5.1.4.1.1."
# The modality that a storage class is made for (PS3.4 B.5), by the first components of its UID, longer ones first.
_CLASSES = {
    "1.2": "MG", "1.3": "IO", "1.1": "DX", "1": "CR", "2": "CT", "3": "US", "4": "MR", "5": "NM", "6": "US",
    "12.1": "XA", "12.2": "RF", "12.3": "XA", "13.1.1": "XA", "13.1.2": "PX", "13.1.3": "MG", "13.1.4": "MG",
    "13.1.5": "MG", "14": "IVOCT", "20": "NM", "77.1.1": "ES", "77.1.2": "GM", "77.1.3": "SM", "77.1.4": "XC",
    "77.1.5.4": "OPT", "77.1.5.5": "OPT", "77.1.5.7": "OPT", "77.1.5.8": "OPT", "77.1.5": "OP", "77.1.6": "SM",
    "77.1.7": "DMS", "77.1.8": "GM", "81": "OPM", "82": "OPM", "128": "PT", "130": "PT", "481.1": "RTIMAGE",
    "481.2": "RTDOSE",
}  # fmt: skip

# A part of the body: its id in the cards of models, its name, the words of headers for it, its codes (SNOMED CT, RT).
_PARTS: tuple[tuple[str, Text, str, str], ...] = (
    (
        "chest",
        Text("the chest"),
        "CHEST THORAX THORACIC TORAX TORACE CXR BRUSTKORB BRUSTRAUM POITRINE MEDIASTINUM INTRATHORACIC KLATKA "
        "ГРУДЬ ГРУДНАЯ ОГК 胸部 胸 가슴 흉부",
        "816094009 51185008 T-D3000 43799004 T-D3200 72410000 T-D3300 78904004",
    ),
    (
        "lung",
        Text("the lungs"),
        "LUNG LUNGS LUNGE LUNGEN POUMON POUMONS PULMON PULMONES PULMAO PULMOES POLMONE POLMONI PLUCA PULMO ЛЕГКИЕ "
        "肺 肺部",
        "39607008 T-28000 86598002 T-280A0",
    ),
    (
        "heart",
        Text("the heart"),
        "HEART CARDIAC HERZ COEUR CORAZON CUORE CORACAO HART COR СЕРДЦЕ 心臓 心脏",
        "80891009 T-32000",
    ),
    (
        "head",
        Text("the head"),
        "HEAD KOPF TETE CABEZA CABECA TESTA HOOFD GLOWA CAPUT HUVUD HODE CRANIUM INTRACRANIAL ГОЛОВА 頭部 头部 "
        "头颅 두부",
        "69536005 T-D1100 1101003 T-D1400",
    ),
    (
        "brain",
        Text("the brain"),
        "BRAIN CEREBRUM CEREBRAL GEHIRN HIRN CERVEAU CEREBRO ENCEPHALE ENCEFALO CERVELLO HERSENEN MOZG NEURO "
        "CEREBELLUM SELLA PITUITARY HYPOPHYSE CIRCLEOFWILLIS МОЗГ ГОЛОВНОЙ 脑 颅脑 脳 뇌",
        "12738006 T-A0100 113305005 T-A6000 42575006 T-D1460 11279006 T-45520 128320002 T-A0191",
    ),
    (
        "skull",
        Text("the skull"),
        "SKULL CRANE CRANEO CRANIO SCHADEL SCHAEDEL SCHEDEL CALVARIUM CZASZKA LEBKA ЧЕРЕП",
        "89546000 T-11100 79361005 T-15200",
    ),
    (
        "face",
        Text("the face"),
        "FACE FACIALBONES FACIAL GESICHT VISAGE NOSE NASAL NASALBONE SINUS SINUSES PARANASALSINUS PNS NNH ZYGOMA "
        "CHEEK SPN ППН",
        "89545001 T-D1200 91397008 T-11196 2095001 T-22000 74386004 T-11149 45206002 T-21000 13881006 T-11166 "
        "60819002 T-D1206",
    ),
    (
        "jaw",
        Text("the jaw"),
        "JAW JAWREGION MANDIBLE MAXILLA TMJ TMJOINT KIEFER UNTERKIEFER OBERKIEFER TEETH TOOTH DENTAL MOUTH "
        "ORTHOPAN OPG PANORAMIC PANTOMOGRAM TONGUE",
        "661005 T-D1213 91609006 T-11180 70925003 T-11170 53620006 T-15290 123851003 T-D0662 21974007 T-53000",
    ),
    (
        "eye",
        Text("the eye"),
        "EYE EYES ORBIT ORBITS ORBITA AUGE AUGEN ORBITALSTRUCTURE OPTICCANAL EYELID RETINA CORNEA",
        "81745001 T-AA000 371398005 T-D0801 363654007 T-D14AE 55024004 T-11102 80243003 T-AA810 28726007 T-AA200",
    ),
    (
        "ear",
        Text("the ear"),
        "EAR EARS IAC TEMPORAL MASTOID MASTOIDBONE FELSENBEIN ROCHER PETROUS",
        "117590005 T-AB001 361078006 T-AB959 59066005 T-11133 84301002 T-AB200",
    ),
    (
        "neck",
        Text("the neck"),
        "NECK HALS COU CUELLO COLLO PESCOCO SOFTTISSUENECK LARYNX PHARYNX NASOPHARYNX THYROID PARATHYROID PAROTID "
        "CAROTID TRACHEA ШЕЯ 颈部",
        "45048000 T-D1600 4596009 T-24100 54066008 T-55000 69748006 T-B6000 111002 T-B7000 45289007 T-61100 "
        "44567001 T-25000 69105007 T-45010",
    ),
    (
        "spine",
        Text("the spine"),
        "SPINE CSPINE TSPINE LSPINE SSPINE CTSPINE TLSPINE LSSPINE SCSPINE DSPINE CERVICALSPINE THORACICSPINE "
        "DORSALSPINE LUMBARSPINE LUMBOSACRALSPINE WHOLESPINE WIRBELSAULE WIRBELSAEULE HWS BWS LWS RACHIS COLUMNA "
        "COLONNA COLUNA VERTEBRA VERTEBRAE LUMBAR CERVICAL SACRUM COCCYX SACRAL KREGOSLUP WERVELKOLOM SPINALCORD "
        "MYELON ПОЗВОНОЧНИК 脊柱 脊椎 颈椎 腰椎 胸椎 頚椎 頸椎 척추 요추",
        "421060004 T-D04FF 122494005 T-11501 122495006 T-11502 122496007 T-11503 1217257000 1217256009 1217253001 "
        "1217254007 54735007 T-11AD0 64688005 T-11BF0 2748008 T-A7010 77568009 T-D2100 51282000 T-11500",
    ),
    (
        "breast",
        Text("the breast"),
        "BREAST BREASTS MAMMA MAMMAE MAMA SENO SEIN MAMMO MAMMOGRAPHY MAMMOGRAPHIE MAMMOGRAFIE MAMMOGRAFIA "
        "MAMOGRAFIA MAMMOGRAM BORST PIERS МОЛОЧНАЯ 乳腺 乳房 유방",
        "76752008 T-04000",
    ),
    (
        "ribs",
        Text("the ribs"),
        "RIB RIBS RIPPEN COTES COSTILLAS COSTE COSTELAS STERNUM SCJOINT STERNOCLAVICULAR BRUSTBEIN ZEBRA РЕБРА",
        "113197003 T-11300 56873002 T-11210 7844006 T-15610",
    ),
    (
        "shoulder",
        Text("the shoulder"),
        "SHOULDER SHOULDERS SCHULTER EPAULE HOMBRO SPALLA OMBRO SCHOUDER CLAVICLE SCAPULA ACJOINT AXILLA "
        "SCHLUSSELBEIN CLAVICULA ПЛЕЧО 肩",
        "16982005 T-D2220 51299004 T-12310 79601000 T-12280 85856004 T-15420 91470000 T-D8104",
    ),
    (
        "arm",
        Text("the arm"),
        "ARM UPPERARM ARMS HUMERUS FOREARM RADIUS ULNA RADIUSULNA ELBOW UPPERLIMB UPPEREXTREMITY OBERARM UNTERARM "
        "ELLENBOGEN ELLBOGEN BRAS COUDE BRAZO CODO GOMITO BRACCIO COTOVELO AVANTBRAS ELLEBOOG LOKIEC ЛОКОТЬ ЛОКТЕВОЙ",
        "40983000 T-D8200 85050009 T-12410 14975008 T-D8500 16953009 T-15430 53120007 T-D8000 371195002 T-D0821 "
        "30608006 T-13600",
    ),
    (
        "hand",
        Text("the hand"),
        "HAND HANDS FINGER FINGERS THUMB WRIST WRISTJOINT CARPUS MANO MAIN MAO HANDGELENK POIGNET MUNECA POLSO "
        "PUNHO DAUMEN POLS DLON NADGARSTEK КИСТЬ 手 手部 손",
        "85562004 T-D8700 7569003 T-D8800 76505004 T-D8810 74670003 T-15460",
    ),
    (
        "abdomen",
        Text("the abdomen"),
        "ABDOMEN ABD ABDOMINAL KUB BAUCH ABDOME ADDOME BUIK VENTRE LIVER LEBER FOIE HIGADO KIDNEY KIDNEYS NIERE "
        "REIN RENAL SPLEEN PANCREAS STOMACH BOWEL COLON SMALLBOWEL LARGEBOWEL DUODENUM GALLBLADDER BILEDUCT "
        "ESOPHAGUS OESOPHAGUS ADRENAL RETROPERITONEUM URINARYTRACT URETER BRZUCH ЖИВОТ БРЮШНАЯ 腹部 腹 복부",
        "818981001 113345001 T-D4000 818982008 416949008 R-FAB57 10200004 T-62000 64033007 T-71000 78961009 "
        "T-C3000 15776009 T-65000 69695003 T-57000 71854001 T-59300 14742008 T-59000 30315005 T-58000 38848004 "
        "T-58200 28231008 T-63000 28273000 T-60610 34707002 T-60600 32849002 T-56000 110861005 T-DD163 23451007 "
        "T-B3000 82849001 T-D4900 431491007 T-7000B 87953007 T-73000 303270005 T-50007 818987002",
    ),
    (
        "pelvis",
        Text("the pelvis"),
        "PELVIS PELVIC BECKEN BASSIN PELVI BACIA BEKKEN MIEDNICA PANEV HIP HIPS HIPJOINT HUFTE HUEFTE HANCHE CADERA "
        "ANCA QUADRIL HEUP BIODRO BACINO ILIUM SIJOINT BLADDER PROSTATE UTERUS OVARY RECTUM TESTIS SCROTUM PERINEUM "
        "URETHRA ТАЗ 骨盆 骨盤 髋 골반",
        "816092008 12921003 T-D6000 29836001 T-D2500 24136001 T-15710 22356005 T-12340 39723000 T-15680 89837001 "
        "T-74000 41216001 T-92000 35039007 T-83000 15497006 T-87000 34402009 T-59600 40689003 T-94000 20233005 "
        "T-98000 816989007 13648007 T-75000",
    ),
    (
        "leg",
        Text("the leg"),
        "LEG LEGS THIGH FEMUR TIBIA FIBULA TIBIAFIBULA TIBFIB LOWERLEG LOWERLIMB LOWEREXTREMITY UPPERLEG "
        "OBERSCHENKEL UNTERSCHENKEL JAMBE CUISSE PIERNA GAMBA PERNA ANKLE ANKLEJOINT CHEVILLE TOBILLO CAVIGLIA "
        "TORNOZELO SPRUNGGELENK ENKEL CALF 踝 ГОЛЕНЬ БЕДРО",
        "30021000 T-D9400 68367000 T-D9100 71341001 T-12710 87342007 T-12750 12611008 T-12740 61685007 T-D9000 "
        "72001000 T-12700 102292000 T-14668 70258002 T-15750 1231522001",
    ),
    (
        "knee",
        Text("the knee"),
        "KNEE KNEES PATELLA KNIE GENOU RODILLA GINOCCHIO JOELHO KOLANO KOLENO КОЛЕНО КОЛЕННЫЙ 膝 무릎",
        "72696002 T-D9200 64234005 T-12730 32361000 T-D9310",
    ),
    (
        "foot",
        Text("the foot"),
        "FOOT FEET TOE TOES CALCANEUS HEEL FUSS PIED PIE PIEDE VOET STOPA FERSE ZEHE ZEHEN FUSSE СТОПА 足 발",
        "56459004 T-D9700 29707007 T-D9800 80144004 T-12770 58742003 T-12980 27949001 T-15770",
    ),
    (
        "limb",
        Text("a limb"),
        "EXTREMITY EXTREMITIES UPEXM LOEXM LONGBONE LONGBONES",
        "66019005 T-D0300",
    ),
    (
        "vessels",
        Text("the vessels"),
        "AORTA ARTERY VEIN VESSEL VESSELS ABDOMINALAORTA THORACICAORTA CORONARYARTERY RENALARTERY",
        "15825003 T-42000 7832008 T-42500 113262008 T-42070 57034009 T-42300 41801008 T-43000",
    ),
    (
        "body",
        Text("the whole body"),
        "WHOLEBODY ENTIREBODY BABYGRAM GANZKORPER GANZKOERPER",
        "38266002 T-D0010",
    ),
    (
        "phantom",
        Text("a phantom"),
        "PHANTOM",
        "706342009 R-FE0C7",
    ),
)
# Words and codes that name several parts.
_SEVERAL = {
    "CHESTABDOMEN 416550000 R-FAB55": "chest abdomen",
    "CHESTABDPELVIS CHESTABDOMENPELVIS CAP TAP 416775004 R-FAB56": "chest abdomen pelvis",
    "NECKCHEST 417437006 R-FAB52": "neck chest",
    "NECKCHESTABDOMEN NECKCHESTABDPELV 416152001 R-FAB53 416319003 R-FAB54": "neck chest abdomen",
    "ABDOMENPELVIS ABDPELVIS": "abdomen pelvis",
    "HEADNECK 774007 T-D1000": "head neck",
    "110517009 T-11011": "head spine",
}
# A body part is a code string of 16 characters (PS3.5 6.2); some write a sentence.
LONGEST = 64
# Chinese, Japanese, Korean: ideographs, kana, and Hangul as `_plain` spreads it.
_UNSPACED = re.compile("[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff]")
PART_NAMES = {id: name for id, name, _, _ in _PARTS}


# Letters that Unicode does not take apart.
_NO_ACCENTS = str.maketrans({"Ł": "L", "Ø": "O", "Æ": "AE", "Œ": "OE", "Đ": "D", "ẞ": "SS"})


@cache
def _vocabulary() -> dict[str, frozenset[str]]:
    """The parts of the body by word and by code, as `_plain` leaves them."""
    known: dict[str, frozenset[str]] = {}
    for id, _, words, codes in _PARTS:
        known |= dict.fromkeys((_plain(word) for word in (*words.split(), *codes.split())), frozenset((id,)))
    for words, ids in _SEVERAL.items():
        known |= dict.fromkeys((_plain(word) for word in words.split()), frozenset(ids.split()))
    return known


def _plain(word: str) -> str:
    """A word without case and accents; a code keeps its hyphen."""
    spread = unicodedata.normalize("NFKD", word.upper()).translate(_NO_ACCENTS)
    return "".join(c for c in spread if not unicodedata.combining(c))


def body_parts(said: str) -> frozenset[str]:
    """The parts of the body (ids of `PART_NAMES`) that a Body Part Examined names, alone or with other words
    (`CHEST PA`, `Thoracic spine AP`); of words that belong together the longest known name counts. Empty where
    none is known."""
    known = _vocabulary()
    words = [word for word in re.split(r"[\W_\d]+", _plain(said[:LONGEST])) if word]
    found: frozenset[str] = frozenset()
    start = 0
    while start < len(words):
        ends = (end for end in range(min(len(words), start + 4), start, -1) if "".join(words[start:end]) in known)
        end = next(ends, 0)
        found |= known["".join(words[start:end])] if end else _unspaced_parts(words[start])
        start = end or start + 1
    return found


def _unspaced_parts(word: str) -> frozenset[str]:
    """The parts of the body that a word names in a script without spaces between words (`右膝関節正面`)."""
    if word.isascii() or not _UNSPACED.search(word):
        return frozenset()
    known = _vocabulary()
    found: frozenset[str] = frozenset()
    start = 0
    while start < len(word):
        ends = (end for end in range(len(word), start, -1) if word[start:end] in known)
        end = next(ends, 0)
        found |= known[word[start:end]] if end else frozenset()
        start = end or start + 1
    return found


def coded_parts(codes: tuple[str, ...]) -> frozenset[str]:
    """The parts of the body that codes of SNOMED RT (`T-D3000`) or CT (`51185008`) name; empty where none is known."""
    return frozenset().union(*(_vocabulary().get(_plain(code), frozenset()) for code in codes))


def modality_of_class(uid: str) -> str:
    """The modality that a SOP class is made for, or empty: a secondary capture may hold anything."""
    if not uid.startswith(STORAGE):
        return ""
    parts = uid.removeprefix(STORAGE).split(".")
    starts = (".".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((_CLASSES[start] for start in starts if start in _CLASSES), "")
