"""What stand-in names are put together from.

Rules for this file: tables only. The words are made up: no model says one by itself, none tells a gender, and none is
the name of somebody known. A test holds them against the detector's everyday words.
"""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN_FRONTS: Final = _words(
    "Abr Albr Ansk Arv Aud Balth Bern Brev Brisk Cald Cass Corv Dalv Darr Delv Dorv Edr Elsk Emb Endr Erv Falk Fenn "
    "Fior Garv Gelv Gris Halv Hask Helv Hovr Ildr Ingr Isk Jarv Jesk Jorv Kalv Kelv Kest Korv Landr Lisk Lorv Lund "
    "Malv Merr Mirv Morv Nalv Nesk Norv Oldr Orsk Orv Palv Perr Pesk Quev Ralv Resk Rolv Rusk Salv Sesk Silv Sorv "
    "Talv Tavr Tesk Torv Ulv Umbr Vald Vesk Vorv Walv Wesk Wilv Yalv Yesk Yorv Zalv Zesk Zorv"
)
GIVEN_ENDS: Final = _words(
    "aleth aline amund anor aris athen avel avin edith elan elin ellis embry emis endel ennis eren eris erlin "
    "esin evan idan idel ilen imar inel iren irin isol ithel ivan odan olin orin osk oven ulan umin uren yln yrin"
)
FAMILY_FRONTS: Final = _words(
    "Askel Ather Balder Barrow Bexen Bicker Brackel Brinder Calder Canver Cobber Corvel Crinder Dasken Dexter Drayver "
    "Elsker Ember Fawsel Fenner Fosken Garrow Gelder Girven Grasken Hackel Halver Hesken Hexel Ingel Jasper Jerrow "
    "Kelder Kesken Kilver Lander Larkel Lasken Linder Lumber Mander Marrow Mesken Minder Nasker Nether Nolver Onsker "
    "Orsel Osken Pasken Pelver Penner Pinder Quander Quarrel Quensel Rasken Relver Risker Rosken Sander Selver Sesken "
    "Silker Sterrow Talker Tasken Tenver Thasker Tinder Tolver Tresken Ulver Umber Vander Velsker Vinder Wasken "
    "Welver Wexel Winder Yarrow Yelver Zander Zelver"
)
FAMILY_ENDS: Final = _words(
    "beck bourne bray brough burne by camp combe cote cross dean fell fold garth gill hallow haugh hithe holme hurst "
    "keld lade lathe leigh loft mere more ness nold rigg royd scale shaw stead stowe thorpe thwaite toft wath wick "
    "with worth wyke"
)
ZH_SURNAMES: Final = tuple("郗逄谌郏逯缑郤璩禚昝笪邸郇鄢厍蒯郜綦郄仝宓妫扈芈逮茹郅佴揭亓敖钭麴郦雒訾亢况爨谯")
"""Rare ones of one character."""
ZH_COMPOUND_SURNAMES: Final = _words(
    "淳于 闾丘 濮阳 公冶 宗政 澹台 太叔 申屠 仲孙 亓官 巫马 公西 颛孙 壤驷 漆雕 谷梁 夹谷 段干 羊舌 微生 梁丘 左丘"
)
ZH_GIVEN: Final = tuple(
    "珩瑀祎昶翀琎垚彧頔旻昉璠琚琮璟甯筠翊翾芃荇葳蘅霁颀湉沄浠洧涔溦淏澍滢昀晞晗曈杺栩桉楒榑槿樾殊珣珺琤瑗瑄璘"
)
"""Characters that stand in hardly any word."""
PARTICLES: Final = frozenset(
    _words(
        "a al af av ap ben bin bint da das de dei del della den der des di do dos du e el ibn i la las le les lo los "
        "van vom von y zu zum zur ter ten"
    )
)
